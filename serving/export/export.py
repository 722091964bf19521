"""From a trained model to a SavedModel that answers in item ids.

Six signatures, in plain TensorFlow ops, usable from stock TensorFlow Serving:

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `examples` string [batch] | `item_ids`, `scores`, `fallback` |
| `evaluate` | `examples` string [batch] | `item_ids`, `retrieval_item_ids`, `ranking_item_ids`, `auc` |
| `recommend` | `item_ids` string [batch, length]; optional `exclude`, `k` | as `serving_default` |
| `score` | `item_ids`, `candidate_ids` string [batch, n] | `scores` float32 [batch, n] |
| `explain` | `item_ids` | as `recommend`, and `attention` float32 [batch, length] |
| `embed` | `item_ids` string [n] | `embeddings` float32 [n, dim + 1] |

`recommend`, `score` and `explain` take `timestamps_s` int64 [batch, length] as
well, which put histories in order, and what else the model reads beside the
items, each optional: `query_timestamps_s` int64 [batch], and further columns by
name, string or float32 [batch, length].

A history is read as its known items, the most recent `max_length` of them:
empty strings and unknown items count as not being there, wherever they stand.
`item_ids` of an answer are in the order that the model is to serve. `evaluate`
gives the orders of both of its tasks beside it, up to `EVALUATION_DEPTH` items of each,
whatever number `serving_default` answers, and how well the ranking task
tells the examples' targets from its other candidates. `embed` gives the vectors
that retrieval scores by, 0 for an unknown item.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from serving.export.recommender import Recommender, ServableModel
from serving.export.signatures import make_signatures


def export(
    model: ServableModel,
    path: str,
    *,
    vocabulary_file: str,
    popularity: npt.NDArray[np.float32],
    k: int,
    remove_seen: bool,
    index: str = "brute_force",
) -> None:
    """Writes the SavedModel.

    Args:
        model: what its methods compute is saved, with the variables that they read.
        path: the folder to write.
        vocabulary_file: an item a line; line i is id i + 1.
        popularity: float32 [items], the scores where there is no history to go by.
        k: recommendations where the request names no number.
        remove_seen: whether items of the history are left out of what is recommended.
        index: a key of `INDEXES`.

    Raises:
        ValueError: the vocabulary, the candidates and the popularity are not of one size.
    """
    recommender = Recommender(model, vocabulary_file, popularity, k, remove_seen, index)
    signatures = make_signatures(recommender)
    # Only what the signatures read is saved: no optimizer, and none of Keras's own records of the model.
    saved = tf.Module()
    saved.tables = [recommender.to_id, recommender.to_item, *recommender.context.tables]
    saved.read = [variable for each in signatures.values() for variable in each.get_concrete_function().variables]
    tf.saved_model.save(saved, path, signatures=signatures)

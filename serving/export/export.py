"""Export of a trained model as a SavedModel that answers in item ids.

Six signatures, in plain TensorFlow ops, usable from stock TensorFlow Serving:

| signature | inputs | outputs |
| --- | --- | --- |
| `serving_default` | `examples` string [batch] | `item_ids`, `scores`, `fallback` |
| `evaluate` | `examples` string [batch] | `item_ids`, `retrieval_item_ids`, `ranking_item_ids`, `auc` |
| `recommend` | `item_ids` string [batch, length]; optional `exclude`, `k` | as `serving_default` |
| `score` | `item_ids`, `candidate_ids` string [batch, n] or [1, n] | `scores`, `retrieval_scores` float32 [batch, n] |
| `explain` | `item_ids` | as `recommend`, and `attention` float32 [batch, length] |
| `embed` | `item_ids` string [n] | `embeddings` float32 [n, dim + 1]; `expires_s` int64 [n] if items expire |

`recommend`, `score` and `explain` have more inputs, all optional.
`timestamps_s` int64 [batch, length] puts histories in order. If the model
reads them, there are also `query_timestamps_s` int64 [batch] and further
columns by name, string or float32 [batch, length]. If items age or expire,
there is `query_timestamps_s` as well, with the server's clock where it is 0.

The model reads the most recent `max_length` known items of a history. Empty
strings and unknown items are ignored, at any position. `item_ids` of an answer
have the order of the stage that is served. `evaluate` also returns the lists
of both stages, with up to `EVALUATION_DEPTH` items each, for any `k` of
`serving_default`. Its `auc` measures how well the ranking task separates the
examples' targets from the other candidates. `embed` returns the vectors that
retrieval scores with, 0 for an unknown item. A model that has learnt from impressions
also returns `shown_scores` from `score`.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from serving.export.recommender import Recommender
from serving.export.servable_model import ServableModel, ShownScores
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
    shown: ShownScores | None = None,
) -> None:
    """Write a SavedModel.

    Args:
        model: the trained model. What its methods compute is saved, with the variables that they read.
        path: the folder to write.
        vocabulary_file: a file with an item in each line; line i, counted from 0, is id i + 1.
        popularity: float32 [items], the scores that answer if a history has no known item.
        k: number of recommendations, unless a request names its own.
        remove_seen: whether items of the history are left out of the recommendations.
        index: a key of `INDEXES`.
        shown: the scores of shown items, for `score`, if the model has learnt them from impressions.

    Raises:
        ValueError: the sizes of vocabulary, candidates and popularity differ.

    Example:
        ```python
        export(
            model,
            "models/1",
            vocabulary_file="items.txt",
            popularity=np.array([0.5, 0.25, 0.25], np.float32),
            k=10,
            remove_seen=True,
        )
        signatures = tf.saved_model.load("models/1").signatures
        signatures["embed"](item_ids=tf.constant(["50"]))["embeddings"].shape
        # TensorShape([1, 65])
        ```
    """
    recommender = Recommender(model, vocabulary_file, popularity, k, remove_seen, index, shown)
    signatures = make_signatures(recommender)
    # Only the signatures' variables are saved: neither the optimizer nor Keras's own description of the model.
    saved = tf.Module()
    further = [] if shown is None else [shown.table]
    saved.tables = [recommender.to_id, recommender.to_item, *recommender.context.tables, *further]
    traced = {name: function.get_concrete_function() for name, function in signatures.items()}
    saved.read = [variable for each in traced.values() for variable in each.variables]
    # TensorFlow traces a function once more, but not a traced one. It reads defaults of arguments from functions only.
    tf.saved_model.save(
        saved,
        path,
        signatures={name: each if _has_defaults(each) else traced[name] for name, each in signatures.items()},
    )


def _has_defaults(function: Any) -> bool:
    parameters = inspect.signature(function.python_function).parameters.values()
    return any(parameter.default is not parameter.empty for parameter in parameters)

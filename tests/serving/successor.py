"""A model whose answers a reader can compute: after an item comes the next one in the alphabet."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from serving.export.export import export
from serving.export.feature_encoding import FeatureEncodings
from serving.export.lifetimes import ItemLifetimes
from serving.export.servable_model import ServableModel

ITEMS = ["a", "b", "c", "d", "e", "f"]
POPULARITY = [0.25, 0.125, 0.0625, 0.5, 0.125, 0.0]  # most popular first: d a b e c f
K = 4
LOWEST = float(np.finfo(np.float32).min)


class Read(NamedTuple):
    item_ids: tf.Tensor
    query: tf.Tensor
    attention: tf.Tensor
    echo: tf.Tensor  # feature ids, for models that return them


class Successor(tf.Module):
    """Reads the last three items; ids are 1..6 for a..f.

    The retrieval score of an item is minus its distance from the last one,
    around the alphabet: after "b", "c" has 0, "d" -1, ..., "a" -4, "b" -5.
    The ranking score is 100 for each item that was read, plus 10 times the last
    item's id, plus the candidate's id. The attention to the positions 1, 2, 3
    is proportional to these numbers.

    Args:
        step: distance in the alphabet from the last item to the best one.
        serves_reranked: whether the lists of the ranking task are served. It
            re-ranks the two best items of retrieval and "f", which is an extra
            candidate twice. The last in the alphabet comes first.
    """

    encodings = FeatureEncodings()
    lifetimes = ItemLifetimes()
    max_length = 3
    rerank_depth = 2

    def __init__(self, step: int = 1, serves_reranked: bool = False) -> None:
        super().__init__()
        self.serves_reranked = serves_reranked
        ids = np.arange(len(ITEMS))
        distance = (ids[:, np.newaxis] - ids - step) % len(ITEMS)
        self.table = tf.Variable(-distance.astype(np.float32))
        self.unit = tf.Variable(tf.eye(len(ITEMS)))

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Read:
        weights = tf.cumsum(self._read(item_ids), axis=1) * self._read(item_ids)
        return Read(
            item_ids=item_ids,
            query=tf.gather(self.unit, tf.maximum(self._last(item_ids) - 1, 0)),
            attention=tf.math.divide_no_nan(weights, tf.reduce_sum(weights, axis=1, keepdims=True)),
            echo=tf.zeros([tf.shape(item_ids)[0], 0], tf.int64),
        )

    def candidates(self) -> tf.Tensor:
        return self.table

    def extra_candidates(self, history: Read) -> tf.Tensor:
        return tf.tile(tf.constant([[6, 0, 6]], tf.int64), [tf.shape(history.item_ids)[0], 1])

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        count = tf.reduce_sum(self._read(history.item_ids), axis=1, keepdims=True)
        last = tf.cast(self._last(history.item_ids), tf.float32)[:, tf.newaxis]
        return 100.0 * count + 10.0 * last + tf.cast(candidate_ids, tf.float32)

    def _read(self, item_ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(item_ids != 0, tf.float32)

    def _last(self, item_ids: tf.Tensor) -> tf.Tensor:
        length = tf.reduce_sum(tf.cast(item_ids != 0, tf.int32), axis=1)
        return tf.gather(item_ids, tf.maximum(length - 1, 0), batch_dims=1)


def write_model(folder: Path, model: ServableModel | None = None, *, remove_seen: bool = True, k: int = K) -> Path:
    """Export to `folder`, and return it."""
    vocabulary = folder.parent / f"{folder.name}-items"
    vocabulary.parent.mkdir(parents=True, exist_ok=True)
    vocabulary.write_text("".join(f"{item}\n" for item in ITEMS))
    export(
        model or Successor(),
        str(folder),
        vocabulary_file=str(vocabulary),
        popularity=np.array(POPULARITY, np.float32),
        k=k,
        remove_seen=remove_seen,
    )
    vocabulary.unlink()
    return folder

"""Top-k search over the catalogue, in plain TensorFlow ops that any TensorFlow Serving loads.

An index is made from the items' vectors and answers which of them score
highest for a query. `INDEXES` names the implementations;
`tests/contracts/test_indexes.py` holds each to the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

LOWEST = tf.float32.min  # the score of "no item"


class Index(Protocol):
    """Finds the items with the highest inner product."""

    def search(self, query: tf.Tensor, excluded_ids: tf.Tensor, k: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
        """The `k` best items of each row, best first; of equal scores the lower id is first.

        Args:
            query: float32 [batch, dim].
            excluded_ids: int64 [batch, n], ids that are not to be found; 0 and
                ids beyond the catalogue exclude nothing.
            k: how many; the catalogue's size where that is smaller.

        Returns:
            scores float32 [batch, k] and ids int64 [batch, k], counted from 1.
            Where no item is left the id is 0 and the score `LOWEST`. A score
            of NaN counts as the highest, and stays NaN.
        """
        ...

    def vectors(self, item_ids: tf.Tensor) -> tf.Tensor:
        """What it was made from: ids int64 [n] to vectors float32 [n, dim], that of id 0 being 0."""
        ...


class BruteForce(tf.Module):
    """Scores every item: exact.

    Args:
        candidates: float32 [items, dim]; row i is the vector of id i + 1.
    """

    def __init__(self, candidates: tf.Tensor) -> None:
        super().__init__()
        self.candidates = tf.Variable(candidates, trainable=False, dtype=tf.float32, name="candidates")

    def search(self, query: tf.Tensor, excluded_ids: tf.Tensor, k: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Index.search`."""
        items = self.candidates.shape[0]
        scores = mask_excluded(tf.matmul(query, self.candidates, transpose_b=True), excluded_ids)
        scores, columns = stable_top_k(scores, tf.minimum(k, items))
        # Not greater than the lowest covers a model's own -inf too. A negated <= TensorFlow makes a >, and forgets NaN.
        found = tf.math.is_nan(scores) | (scores > LOWEST)
        return tf.where(found, scores, LOWEST), tf.where(found, tf.cast(columns, tf.int64) + 1, 0)

    def vectors(self, item_ids: tf.Tensor) -> tf.Tensor:
        """See `Index.vectors`."""
        vectors = tf.gather(self.candidates, tf.maximum(item_ids - 1, 0))
        return tf.where(item_ids[:, tf.newaxis] > 0, vectors, 0.0)


INDEXES: dict[str, Callable[[tf.Tensor], Index]] = {"brute_force": BruteForce}


def stable_top_k(scores: tf.Tensor, k: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
    """The k highest scores of each row and their columns, of equal ones the lower columns first.

    NaN, which TensorFlow puts anywhere, counts as infinity, so that whoever judges a model sees that it has it.

    Args:
        scores: float32 [batch, n].
        k: at most n.

    Returns:
        float32 [batch, k] and int32 [batch, k].
    """
    _, columns = tf.math.top_k(tf.where(tf.math.is_nan(scores), float("inf"), scores), k)
    return tf.gather(scores, columns, batch_dims=1), columns


def mask_excluded(scores: tf.Tensor, excluded_ids: tf.Tensor) -> tf.Tensor:
    """`scores` float32 [batch, items] with `LOWEST` at the excluded ids int64 [batch, n], as of `Index.search`."""
    items = tf.shape(scores, out_type=tf.int64)[1]
    places = tf.where((excluded_ids > 0) & (excluded_ids <= items))  # [m, 2]: row, place in the row
    cells = tf.stack([places[:, 0], tf.gather_nd(excluded_ids, places) - 1], axis=1)
    return tf.tensor_scatter_nd_update(scores, cells, tf.fill(tf.shape(cells)[:1], LOWEST))

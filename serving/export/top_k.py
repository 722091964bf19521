"""Top-k search over the catalogue, in plain TensorFlow ops that any TensorFlow Serving loads.

An index is made from the items' vectors, and returns the items with the highest
scores for a query. `INDEXES` lists the implementations.
`tests/contracts/test_indexes.py` requires the same results from all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

from serving.export.per_item import Growth, per_item_variable

LOWEST = tf.float32.min  # the score of a missing item


class Index(Protocol):
    """A search for the items with the highest inner products."""

    def search(
        self, query: tf.Tensor, excluded_ids: tf.Tensor, k: tf.Tensor | int, hidden: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the `k` best items of each row, best first. Of equal scores the lower id comes first.

        Args:
            query: float32 [batch, dim].
            excluded_ids: int64 [batch, n], ids that must not be found; 0 and
                ids beyond the catalogue exclude nothing.
            k: number of items, cut to the size of the catalogue.
            hidden: bool [batch, items], further items that must not be found.

        Returns:
            scores float32 [batch, k] and ids int64 [batch, k], counted from 1.
            If no more items are left, the id is 0 and the score `LOWEST`. A
            score of NaN ranks highest, and stays NaN.
        """
        ...

    def vectors(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the vectors from which the index was made.

        Args:
            item_ids: int64 [n].

        Returns:
            float32 [n, dim]; the vector of id 0 is 0.
        """
        ...


class BruteForce(tf.Module):
    """An exact index that scores every item.

    `tfrs.layers.factorized_top_k.BruteForce.query_with_exclusions` is similar,
    but not used, for three reasons. It needs `k` and the number of exclusions
    when the graph is built, while a request names both. It leaves open the
    order of equal scores. It puts scores of NaN at any position.

    Args:
        candidates: float32 [items, dim]; row i is the vector of id i + 1.
        growth: the row of an item that is added to the saved model.
    """

    def __init__(self, candidates: tf.Tensor, growth: Growth = "boosted_mean") -> None:
        super().__init__()
        self.candidates = per_item_variable(tf.cast(candidates, tf.float32), "candidates", growth)

    def search(
        self, query: tf.Tensor, excluded_ids: tf.Tensor, k: tf.Tensor | int, hidden: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Index.search`."""
        items = tf.shape(self.candidates)[0]
        scores = mask_excluded(tf.matmul(query, self.candidates, transpose_b=True), excluded_ids, hidden)
        scores, columns = stable_top_k(scores, tf.minimum(k, items))
        # This covers a model's own -inf. TensorFlow's optimizer would rewrite ~(scores <= LOWEST) as >, and lose NaN.
        found = tf.math.is_nan(scores) | (scores > LOWEST)
        return tf.where(found, scores, LOWEST), tf.where(found, tf.cast(columns, tf.int64) + 1, 0)

    def vectors(self, item_ids: tf.Tensor) -> tf.Tensor:
        """See `Index.vectors`."""
        vectors = tf.gather(self.candidates, tf.maximum(item_ids - 1, 0))
        return tf.where(item_ids[:, tf.newaxis] > 0, vectors, 0.0)


INDEXES: dict[str, Callable[[tf.Tensor], Index]] = {"brute_force": BruteForce}


def stable_top_k(scores: tf.Tensor, k: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the k highest scores of each row and their columns. Of equal scores the lower column comes first.

    TensorFlow's own top-k puts NaN at any position. Here NaN ranks as infinity, so that an evaluation sees it.

    Args:
        scores: float32 [batch, n].
        k: at most n.

    Returns:
        float32 [batch, k] and int32 [batch, k].
    """
    _, columns = tf.math.top_k(tf.where(tf.math.is_nan(scores), float("inf"), scores), k)
    return tf.gather(scores, columns, batch_dims=1), columns


def mask_excluded(scores: tf.Tensor, excluded_ids: tf.Tensor, hidden: tf.Tensor | None = None) -> tf.Tensor:
    """Return scores with `LOWEST` for excluded items.

    Args:
        scores: float32 [batch, items].
        excluded_ids: int64 [batch, n]; see `Index.search`.
        hidden: bool [batch, items]; see `Index.search`.

    Returns:
        float32 [batch, items].
    """
    items = tf.shape(scores, out_type=tf.int64)[1]
    indices = tf.where((excluded_ids > 0) & (excluded_ids <= items))  # [m, 2]: row, position in the row
    cells = tf.stack([indices[:, 0], tf.gather_nd(excluded_ids, indices) - 1], axis=1)
    masked = tf.tensor_scatter_nd_update(scores, cells, tf.fill(tf.shape(cells)[:1], LOWEST))
    return masked if hidden is None else tf.where(hidden, LOWEST, masked)

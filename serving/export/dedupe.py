"""Removal of repeated and excluded candidates after several sources are joined."""

from __future__ import annotations

import tensorflow as tf


def dedupe(ids: tf.Tensor, excluded_ids: tf.Tensor) -> tf.Tensor:
    """Set repeated and excluded ids to 0.

    Args:
        ids: int64 [batch, c]; the first of equal ids stays.
        excluded_ids: int64 [batch, n].

    Returns:
        int64 [batch, c], with the remaining ids in their positions.
    """
    # Excluded ids come first, so an id that equals one of them is a repetition.
    joined = tf.concat([excluded_ids, ids], axis=1)
    order = tf.argsort(joined, axis=1, stable=True)
    ordered = tf.gather(joined, order, batch_dims=1)
    repeated = tf.pad(ordered[:, 1:] == ordered[:, :-1], [[0, 0], [1, 0]])
    back = tf.argsort(order, axis=1)
    kept = tf.where(tf.gather(repeated, back, batch_dims=1), tf.zeros_like(joined), joined)
    return kept[:, tf.shape(excluded_ids)[1] :]

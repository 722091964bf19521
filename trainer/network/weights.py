"""Trainable weights and their gradients: which weights decay, and sparse gradients with distinct rows."""

from __future__ import annotations

import tensorflow as tf

_NOT_DECAYED = ("bias", "gamma", "beta")  # in the last part of a weight's name


def decays(variable: tf.Variable) -> bool:
    """Return whether weight decay and L2 apply to a weight: not to biases and the scales of norms."""
    return not any(name in variable.name.rpartition("/")[2] for name in _NOT_DECAYED)


def with_distinct_rows(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor | tf.IndexedSlices:
    """Return the same gradient, with the repeated rows of a sparse one added.

    The norm of the values of a sparse gradient is the gradient's norm only if
    each row occurs once.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, index = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, index, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)

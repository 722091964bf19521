"""Weights of targets in a loss, by their events and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from schemas.features import EVENT, VALUE, codes_key


def event_weights_of(inputs: Mapping[str, tf.Tensor], event_weights: Sequence[float], like: tf.Tensor) -> tf.Tensor:
    """Return the weight of each interaction by its event.

    Args:
        inputs: a batch with the codes of events, int64 [batch, length + 1], if they weigh.
        event_weights: the weight by the code of the event; empty if all weigh 1.
        like: int [batch, length], of the batch's histories.

    Returns:
        float32 [batch, length + 1], for the history's interactions and the one after the last.

    Example:
        >>> batch = {"codes_event": tf.constant([[2, 1, 2]])}
        >>> event_weights_of(batch, (1.0, 1.0, 4.0, 1.0), like=tf.constant([[5, 7]])).numpy().tolist()
        [[4.0, 1.0, 4.0]]
    """
    if not event_weights:
        return tf.ones(tf.shape(like) + tf.constant([0, 1]))
    return tf.gather(tf.constant(event_weights, tf.float32), inputs[codes_key(EVENT)])


def value_weights_of(inputs: Mapping[str, tf.Tensor], buckets: int) -> tf.Tensor:
    """Return the weight of each interaction by its value: the part of the log's values that are no higher.

    Args:
        inputs: a batch with the codes of values, int64 [batch, length + 1].
        buckets: the number of buckets of the value, which have equal numbers of interactions.

    Returns:
        float32 [batch, length + 1]; 1 for an unknown value.

    Example:
        >>> value_weights_of({"codes_value": tf.constant([[0, 1, 4]])}, buckets=4).numpy().tolist()
        [[1.0, 0.25, 1.0]]
    """
    codes = inputs[codes_key(VALUE)]
    return tf.where(codes > 0, tf.cast(codes, tf.float32) / buckets, 1.0)

"""Weights of targets in the loss, by their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from schemas.features import EVENT, codes_key
from trainer.data.batches import NEXT_IDS


def target_weights(inputs: Mapping[str, tf.Tensor], event_weights: Sequence[float]) -> tf.Tensor:
    """Return the weight of the target at each position.

    Args:
        inputs: `{next_ids}` int64 [batch, length], and the codes of events, int64 [batch, length + 1], if they weigh.
        event_weights: the weight by the code of the target's event; empty if all targets weigh 1.

    Returns:
        float32 [batch, length].

    Example:
        >>> batch = {"next_ids": tf.constant([[5, 7]]), "codes_event": tf.constant([[2, 1, 2]])}
        >>> target_weights(batch, event_weights=(1.0, 1.0, 4.0, 1.0)).numpy().tolist()
        [[1.0, 4.0]]
    """
    if not event_weights:
        return tf.ones(tf.shape(inputs[NEXT_IDS]))
    return tf.gather(tf.constant(event_weights, tf.float32), inputs[codes_key(EVENT)][:, 1:])

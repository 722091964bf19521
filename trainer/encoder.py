"""From the items of a history to a state for each of its positions, by a recurrence and attention over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas import config
from trainer.attention import ProjectedAttention, causal_mask


def gru(encoder: config.Encoder) -> tf.keras.layers.Layer:
    """Gated recurrent units (Cho et al. 2014), `layers` of them in a stack."""
    cells = [tf.keras.layers.GRUCell(encoder.units) for _ in range(encoder.layers)]
    # Cells in one loop: on a CPU faster than the GRU layer, and the graph has no choice of back ends in it.
    return tf.keras.layers.RNN(cells, return_sequences=True)


# Each makes a layer from [batch, length, any width] to [batch, length, units] whose output at a position depends on
# no later position. It is called without a mask: padding is on the right, so nothing valid comes after it.
ENCODERS: Mapping[str, Callable[[config.Encoder], tf.keras.layers.Layer]] = {"gru": gru}


class HistoryEncoder(tf.keras.layers.Layer):
    """Recurrence, one causal pre-norm attention block over its states, projection to the items' width.

    Args:
        dim: width of the item embeddings, and of the states that come out.
        encoder: the recurrence.
        attention: the attention over its states.
        dropout: rate, applied to the embeddings, the states and inside the block.
    """

    def __init__(self, dim: int, encoder: config.Encoder, attention: config.Attention, dropout: float) -> None:
        super().__init__(name="history_encoder")
        units = encoder.units
        self._recurrence = ENCODERS[encoder.kind](encoder)
        self._dropout = tf.keras.layers.Dropout(dropout)
        self._attention_norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)
        self._attention = ProjectedAttention(dim, attention, name="attention")
        self._feed_forward = tf.keras.Sequential(
            [
                tf.keras.layers.LayerNormalization(epsilon=1e-6),
                tf.keras.layers.Dense(2 * units, activation="gelu"),
                tf.keras.layers.Dropout(dropout),
                tf.keras.layers.Dense(units),
            ],
            name="feed_forward",
        )
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)
        self._project = tf.keras.layers.Dense(dim, name="project")

    def call(self, embeddings: tf.Tensor, valid: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Encodes every prefix of each history.

        Args:
            embeddings: float32 [batch, length, dim], padded on the right.
            valid: bool [batch, length], False at padding.
            training: whether dropout is on.

        Returns:
            The states, float32 [batch, length, dim], where a position has seen
            itself and what is before it, and the attention weights of each
            position over the history, float32 [batch, length, length].
        """
        states = self._dropout(self._recurrence(self._dropout(embeddings, training=training)), training=training)
        normed = self._attention_norm(states)
        context, weights = self._attention(normed, normed, causal_mask(valid))
        states += self._dropout(context, training=training)
        states += self._dropout(self._feed_forward(states, training=training), training=training)
        return self._project(self._dropout(self._norm(states), training=training)), weights

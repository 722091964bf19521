"""From the embedded interactions of a history to a state for each of its positions: recurrence and attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas import config
from trainer.network.attention import ATTENTION, causal_mask, further_arguments
from trainer.network.dropout import Dropout, dropout_mask


def _recurrence(cell: type[tf.keras.layers.Layer]) -> Callable[[config.EncoderConfig], tf.keras.layers.Layer]:
    def make(encoder: config.EncoderConfig) -> tf.keras.layers.Layer:
        # Cells in one loop: on a CPU faster than the layers, and the graph has no choice of back ends in it.
        return tf.keras.layers.RNN([cell(encoder.units) for _ in range(encoder.layers)], return_sequences=True)

    return make


# Each makes a layer from [batch, length, any width] to [batch, length, units] whose output at a position depends on
# no later position. It is called without a mask: padding is on the right, so nothing valid comes after it.
ENCODERS: Mapping[str, Callable[[config.EncoderConfig], tf.keras.layers.Layer]] = {
    "rnn": _recurrence(tf.keras.layers.SimpleRNNCell),
    "lstm": _recurrence(tf.keras.layers.LSTMCell),  # Hochreiter and Schmidhuber 1997
    "gru": _recurrence(tf.keras.layers.GRUCell),  # Cho et al. 2014
    "none": lambda encoder: tf.keras.layers.Dense(encoder.units),  # attention alone
}

# Luong's scores compare the states themselves; the others compare projections of them.
_OF_STATES = {"dot_product", "general", "concat", "local_monotonic", "local_predictive"}


class ProjectedAttention(tf.keras.layers.Layer):
    """Attends by a function of `ATTENTION`, and projects the context to the query's width.

    Query, key and value are projected to dim before, unless the function is
    one of Luong's, which compare states as they are: these must be as wide as
    the query, and give [query, context] to the last projection.

    Args:
        dim: width in which scores are computed.
        attention: which function of `ATTENTION`, and its settings.
    """

    def __init__(self, dim: int, attention: config.AttentionConfig, name: str | None = None) -> None:
        super().__init__(name=name)
        self._function = ATTENTION[attention.kind]
        self._projects = attention.kind not in _OF_STATES
        self._dim = dim
        self._wanted = further_arguments(self._function)
        self._settings = {name: getattr(attention, name) for name in self._wanted & {"heads", "hops", "window"}}
        self._learnt: dict[str, tf.Variable] = {}

    def build(self, query_shape: tf.TensorShape) -> None:
        """Creates what the width of the query decides."""
        if self._projects:
            self._project = {name: tf.keras.layers.Dense(self._dim, name=name) for name in ("query", "key", "value")}
        width = self._dim if self._projects else query_shape[-1]
        shapes = {
            "scale": [width],
            "matrix": [2 * width if "scale" in self._wanted else width, width],
            "position_matrix": [width, width],
            "position_scale": [width],
        }
        for name in sorted(self._wanted & shapes.keys()):
            self._learnt[name] = self.add_weight(name=name, shape=shapes[name])
        self._project_context = tf.keras.layers.Dense(query_shape[-1], name="context")

    def call(
        self, query: tf.Tensor, history: tf.Tensor, mask: tf.Tensor, sessions: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attends from query [batch, q, width] to history [batch, k, any width].

        Args:
            query: what looks.
            history: what is looked at.
            mask: bool [batch, q, k], True where the query may attend.
            sessions: int [batch, k], the session of each place of the history, counted from 0.

        Returns:
            The context [batch, q, width] and the weights [batch, q, k].
        """
        arguments = {**self._settings, **self._learnt}
        if "sessions" in self._wanted:
            arguments["sessions"] = sessions
        inputs = (query, history, history)
        if self._projects:
            inputs = tuple(self._project[name](x) for name, x in zip(("query", "key", "value"), inputs, strict=True))
        context, weights = self._function(*inputs, mask, **arguments)
        if not self._projects:
            context = tf.concat([query, context], axis=-1)
        return self._project_context(context), weights


class AttentionBlock(tf.keras.layers.Layer):
    """Causal self-attention and a feed-forward layer, each with a norm before and a residual around it.

    Args:
        dim: width in which scores are computed.
        width: of the states.
        attention: how to attend.
        dropout: rates.
    """

    def __init__(self, dim: int, width: int, attention: config.AttentionConfig, dropout: config.DropoutConfig) -> None:
        super().__init__()
        self._attention = ProjectedAttention(dim, attention, name="attention")
        self._norm, self._feed_forward_norm = (tf.keras.layers.LayerNormalization(epsilon=1e-6) for _ in range(2))
        self._grow = tf.keras.layers.Dense(attention.feed_forward * width, activation="gelu", name="grow")
        self._shrink = tf.keras.layers.Dense(width, name="shrink")
        self._dropout = Dropout(dropout.hidden)
        self._key_dropout = dropout.attention

    def call(
        self, states: tf.Tensor, valid: tf.Tensor, sessions: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """States [batch, length, width] to states, and the weights [batch, length, length]."""
        mask = causal_mask(valid)
        if training and self._key_dropout:
            mask &= dropout_mask(tf.shape(mask), self._key_dropout)
        normed = self._norm(states)
        context, weights = self._attention(normed, normed, mask, sessions)
        states += self._dropout(context, training=training)
        grown = self._dropout(self._grow(self._feed_forward_norm(states)), training=training)
        return states + self._dropout(self._shrink(grown), training=training), weights


class HistoryEncoder(tf.keras.layers.Layer):
    """Recurrence and attention blocks in the configured order, then a norm and a projection to the items' width.

    Args:
        dim: width of the item embeddings, and of the states that come out.
        encoder: the recurrence.
        attention: the attention blocks.
        dropout: rates.
    """

    def __init__(
        self, dim: int, encoder: config.EncoderConfig, attention: config.AttentionConfig, dropout: config.DropoutConfig
    ) -> None:
        super().__init__(name="history_encoder")
        self._recurrence = ENCODERS[encoder.kind](encoder)
        self._attention_first = attention.position == "before"
        width = dim if self._attention_first else encoder.units
        self._blocks = [AttentionBlock(dim, width, attention, dropout) for _ in range(attention.blocks)]
        self._embedding_dropout = Dropout(dropout.embedding)
        self._recurrence_dropout = Dropout(dropout.recurrence)
        self._output_dropout = Dropout(dropout.hidden)
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)
        self._project = tf.keras.layers.Dense(dim, name="project")

    def call(
        self, embeddings: tf.Tensor, valid: tf.Tensor, sessions: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Encodes every prefix of each history.

        Args:
            embeddings: float32 [batch, length, dim], padded on the right.
            valid: bool [batch, length], False at padding.
            sessions: int [batch, length], the session of each position, counted from 0.
            training: whether dropout is on.

        Returns:
            The states, float32 [batch, length, dim], where a position has seen
            itself and what is before it, and the weights of the last attention
            block over the history, float32 [batch, length, length]; 0 where
            there is no block.
        """
        states = self._embedding_dropout(embeddings, training=training)
        length = tf.shape(embeddings)[1]
        weights = tf.zeros([tf.shape(embeddings)[0], length, length], embeddings.dtype)
        if not self._attention_first:
            states = self._recurrence_dropout(self._recurrence(states), training=training)
        for block in self._blocks:
            states, weights = block(states, valid, sessions, training=training)
        if self._attention_first:
            states = self._recurrence_dropout(self._recurrence(states), training=training)
        return self._project(self._output_dropout(self._norm(states), training=training)), weights

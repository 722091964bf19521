"""The encoder: from embedded interactions to a state at each position, by recurrence and attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas.config import AttentionConfig, DropoutConfig, EncoderConfig
from trainer.network.attention import ATTENTION, causal_mask, keyword_arguments
from trainer.network.dropout import Dropout, dropout_mask


def _recurrence(cell: type[tf.keras.layers.Layer]) -> Callable[[EncoderConfig], tf.keras.layers.Layer]:
    def make(encoder: EncoderConfig) -> tf.keras.layers.Layer:
        # Cells in one loop are faster on a CPU than Keras's layers, which add a choice of kernels to the graph.
        return tf.keras.layers.RNN([cell(encoder.units) for _ in range(encoder.layers)], return_sequences=True)

    return make


# Each function makes a layer from [batch, length, any width] to [batch, length, units]. Its output at a position must
# not depend on later positions. It gets no mask: padding is on the right, so no valid position follows it.
ENCODERS: Mapping[str, Callable[[EncoderConfig], tf.keras.layers.Layer]] = {
    "rnn": _recurrence(tf.keras.layers.SimpleRNNCell),
    "lstm": _recurrence(tf.keras.layers.LSTMCell),  # Hochreiter and Schmidhuber 1997
    "gru": _recurrence(tf.keras.layers.GRUCell),  # Cho et al. 2014
    "none": lambda encoder: tf.keras.layers.Dense(encoder.units),  # only attention
}

# Luong's scores compare states without a projection.
_UNPROJECTED = {"dot_product", "general", "concat", "local_monotonic", "local_predictive"}


class ProjectedAttention(tf.keras.layers.Layer):
    """A function in `ATTENTION` with learned projections before and after it.

    Query, key and value are projected to dim, and the context to the query's
    width. Luong's functions compare states without a projection: there, the
    history must be as wide as the query, and [query, context] is projected.

    Args:
        dim: width in which scores are computed.
        attention: which function in `ATTENTION`, and its settings.
        name: the layer's name.
    """

    def __init__(self, dim: int, attention: AttentionConfig, name: str | None = None) -> None:
        super().__init__(name=name)
        self._function = ATTENTION[attention.kind]
        self._projects = attention.kind not in _UNPROJECTED
        self._dim = dim
        self._arguments = keyword_arguments(self._function)
        self._settings = {name: getattr(attention, name) for name in self._arguments & {"heads", "hops", "window"}}
        self._learned: dict[str, tf.Variable] = {}

    def build(self, query_shape: tf.TensorShape) -> None:
        """Create the weights whose shapes depend on the width of the query.

        Args:
            query_shape: [batch, q, width].
        """
        if self._projects:
            self._project = {name: tf.keras.layers.Dense(self._dim, name=name) for name in ("query", "key", "value")}
        width = self._dim if self._projects else query_shape[-1]
        shapes = {
            "scale": [width],
            "matrix": [2 * width if "scale" in self._arguments else width, width],
            "position_matrix": [width, width],
            "position_scale": [width],
        }
        for name in sorted(self._arguments & shapes.keys()):
            self._learned[name] = self.add_weight(name=name, shape=shapes[name])
        self._project_context = tf.keras.layers.Dense(query_shape[-1], name="context")

    def call(
        self, query: tf.Tensor, history: tf.Tensor, mask: tf.Tensor, sessions: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attend from the query to the history.

        Args:
            query: float [batch, q, width].
            history: float [batch, k, any width].
            mask: bool [batch, q, k], True where the query may attend.
            sessions: int [batch, k], the session of each position of the history, counted from 0.

        Returns:
            The context [batch, q, width] and the weights [batch, q, k].
        """
        arguments = {**self._settings, **self._learned}
        if "sessions" in self._arguments:
            arguments["sessions"] = sessions
        inputs = (query, history, history)
        if self._projects:
            inputs = tuple(self._project[name](x) for name, x in zip(("query", "key", "value"), inputs, strict=True))
        context, weights = self._function(*inputs, mask, **arguments)
        if not self._projects:
            context = tf.concat([query, context], axis=-1)
        return self._project_context(context), weights


class AttentionBlock(tf.keras.layers.Layer):
    """Causal self-attention and a feed-forward layer, each after a norm and inside a residual.

    Args:
        dim: width in which scores are computed.
        width: width of the states.
        attention: which attention, and its settings.
        dropout: rates of dropout.
    """

    def __init__(self, dim: int, width: int, attention: AttentionConfig, dropout: DropoutConfig) -> None:
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
        """Attend to earlier positions and transform each state.

        Args:
            states: float [batch, length, width].
            valid: bool [batch, length], False at padding.
            sessions: int [batch, length], counted from 0.
            training: whether dropout is on.

        Returns:
            The new states [batch, length, width] and the weights [batch, length, length].
        """
        mask = causal_mask(valid)
        if training and self._key_dropout:
            mask &= dropout_mask(tf.shape(mask), self._key_dropout)
        normed = self._norm(states)
        context, weights = self._attention(normed, normed, mask, sessions)
        states += self._dropout(context, training=training)
        grown = self._dropout(self._grow(self._feed_forward_norm(states)), training=training)
        return states + self._dropout(self._shrink(grown), training=training), weights


class HistoryEncoder(tf.keras.layers.Layer):
    """Recurrence and attention blocks in the configured order, then a norm and a projection.

    Args:
        dim: width of the item embeddings and of the states.
        encoder: the recurrence.
        attention: the attention blocks, and whether they come before the recurrence.
        dropout: rates of dropout.

    Example:
        >>> encoder = HistoryEncoder(4, EncoderConfig(units=8), AttentionConfig(), DropoutConfig())
        >>> valid = tf.constant([[True, True, False]])
        >>> states, weights = encoder(tf.ones([1, 3, 4]), valid, sessions=tf.zeros([1, 3], tf.int32))
        >>> states.shape, weights.shape
        (TensorShape([1, 3, 4]), TensorShape([1, 3, 3]))
    """

    def __init__(self, dim: int, encoder: EncoderConfig, attention: AttentionConfig, dropout: DropoutConfig) -> None:
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
        """Encode every prefix of each history.

        Args:
            embeddings: float32 [batch, length, dim], padded on the right.
            valid: bool [batch, length], False at padding.
            sessions: int [batch, length], the session of each position, counted from 0.
            training: whether dropout is on.

        Returns:
            The states, float32 [batch, length, dim], each of which depends only
            on its own and earlier positions; and the weights of the last
            attention block, float32 [batch, length, length], 0 without a block.
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

"""The encoder: from embedded interactions to a state at each position, by recurrence and attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas.config import AttentionConfig, EncoderConfig
from trainer.network.attention import ATTENTION, causal_mask, keyword_arguments
from trainer.network.dropout import Dropout, DropoutRates, dropout_mask

# Each function makes a layer of some units, from [batch, length, any width] to [batch, length, units]. Its output at a
# position must not depend on later positions. It gets no mask: no valid position follows padding.
# A cell in a loop is faster on a CPU than Keras's layer, which adds a choice of kernels to the graph.
ENCODERS: Mapping[str, Callable[[int], tf.keras.layers.Layer]] = {
    "rnn": lambda units: tf.keras.layers.RNN(tf.keras.layers.SimpleRNNCell(units), return_sequences=True),
    # Hochreiter and Schmidhuber 1997
    "lstm": lambda units: tf.keras.layers.RNN(tf.keras.layers.LSTMCell(units), return_sequences=True),
    # Cho et al. 2014
    "gru": lambda units: tf.keras.layers.RNN(tf.keras.layers.GRUCell(units), return_sequences=True),
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


class RecurrentBlock(tf.keras.layers.Layer):
    """A recurrence after a norm and inside a residual, so that a state keeps a path from its own item.

    Args:
        dim: width of the states.
        kind: a name in `ENCODERS`.
        units: width of the recurrence. Another width than dim is projected to dim.
        dropout: rate of dropout of the recurrence's output.
    """

    def __init__(self, dim: int, kind: str, units: int, dropout: float) -> None:
        super().__init__()
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)
        self._recurrence = ENCODERS[kind](units)
        self._dropout = Dropout(dropout)
        self._project = None if units == dim else tf.keras.layers.Dense(dim, name="project")

    def call(self, states: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Add the recurrence to the states.

        Args:
            states: float [batch, length, dim].
            training: whether dropout is on.

        Returns:
            The new states [batch, length, dim].
        """
        recurrent = self._dropout(self._recurrence(self._norm(states)), training=training)
        return states + (recurrent if self._project is None else self._project(recurrent))


class AttentionBlock(tf.keras.layers.Layer):
    """Causal self-attention and a feed-forward layer, each after a norm and inside a residual.

    Args:
        dim: width of the states, in which scores are computed.
        attention: which attention, and its settings.
        dropout: rates of dropout.
    """

    def __init__(self, dim: int, attention: AttentionConfig, dropout: DropoutRates) -> None:
        super().__init__()
        self._attention = ProjectedAttention(dim, attention, name="attention")
        self._norm, self._feed_forward_norm = (tf.keras.layers.LayerNormalization(epsilon=1e-6) for _ in range(2))
        self._grow = tf.keras.layers.Dense(attention.feed_forward * dim, activation="gelu", name="grow")
        self._shrink = tf.keras.layers.Dense(dim, name="shrink")
        self._dropout = Dropout(dropout.hidden)
        self._key_dropout = dropout.attention

    def call(
        self, states: tf.Tensor, valid: tf.Tensor, sessions: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attend to earlier positions and transform each state.

        Args:
            states: float [batch, length, dim].
            valid: bool [batch, length], False at padding.
            sessions: int [batch, length], counted from 0.
            training: whether dropout is on.

        Returns:
            The new states [batch, length, dim] and the weights [batch, length, length].
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
    """Recurrent and attention blocks in the configured order, then a norm.

    Each block adds to the states, so an item's vector has a direct path to the
    query: that the next item resembles the last one needs not be learnt.

    Args:
        dim: width of the item embeddings and of the states.
        encoder: the recurrent blocks.
        attention: the attention blocks, and whether they come before the recurrent ones.
        dropout: rates of dropout.

    Example:
        >>> encoder = HistoryEncoder(4, EncoderConfig(units=8), AttentionConfig(), DropoutRates(0.1, 0.1, 0.0, 0.1))
        >>> valid = tf.constant([[True, True, False]])
        >>> states, weights = encoder(tf.ones([1, 3, 4]), valid, sessions=tf.zeros([1, 3], tf.int32))
        >>> states.shape, weights.shape
        (TensorShape([1, 3, 4]), TensorShape([1, 3, 3]))
    """

    def __init__(self, dim: int, encoder: EncoderConfig, attention: AttentionConfig, dropout: DropoutRates) -> None:
        super().__init__(name="history_encoder")
        layers = 0 if encoder.kind == "none" else encoder.layers
        self._recurrent_blocks = [
            RecurrentBlock(dim, encoder.kind, encoder.units, dropout.recurrence) for _ in range(layers)
        ]
        self._attention_blocks = [AttentionBlock(dim, attention, dropout) for _ in range(attention.blocks)]
        self._attention_first = attention.position == "before"
        self._embedding_dropout = Dropout(dropout.embedding)
        self._output_dropout = Dropout(dropout.hidden)
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)

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
            states = self._recur(states, training)
        for block in self._attention_blocks:
            states, weights = block(states, valid, sessions, training=training)
        if self._attention_first:
            states = self._recur(states, training)
        return self._output_dropout(self._norm(states), training=training), weights

    def _recur(self, states: tf.Tensor, training: bool) -> tf.Tensor:
        for block in self._recurrent_blocks:
            states = block(states, training=training)
        return states

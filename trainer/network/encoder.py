"""The encoder: from embedded interactions to a state at each position, by recurrence and attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas.config import AttentionConfig, EncoderConfig
from trainer.network.attention import ATTENTION, earlier_mask, keyword_arguments
from trainer.network.dropout import Dropout, DropoutRates, dropout_mask
from trainer.network.history_times import HistoryTimes
from trainer.network.pair_bias import PairBias

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

_GATE = 0.1  # the initial weight of the context of items
# Luong's scores compare states without a projection.
_UNPROJECTED = {"dot_product", "general", "concat", "local_monotonic", "local_predictive"}


class ProjectedAttention(tf.keras.layers.Layer):
    """A function in `ATTENTION` over the states of a history, with what it learns.

    Queries and keys are projections of the states; Luong's functions compare the states as they are. What a position
    reads of an earlier one, its value, is one of these:

    - `items`: the item's own vector. The context is a weighted mean of the vectors of earlier items, so that an item
      can be near it without learning any matrix. A gate for each number of the vector starts small (LayerScale;
      Touvron et al. 2021).
    - `states`: a projection of the state. The context is projected as well; for Luong's functions [query, context] is.

    Args:
        dim: width of states and items.
        attention: which function in `ATTENTION`, and its settings.
        reads_times: whether the time between two positions is known.
    """

    def __init__(self, dim: int, attention: AttentionConfig, reads_times: bool = False) -> None:
        super().__init__(name="attention")
        self._function = ATTENTION[attention.kind]
        self._arguments = keyword_arguments(self._function)
        self._settings = {name: getattr(attention, name) for name in self._arguments & {"heads", "hops", "window"}}
        shapes = {
            "scale": [dim],
            "matrix": [2 * dim if "scale" in self._arguments else dim, dim],
            "position_matrix": [dim, dim],
            "position_scale": [dim],
        }
        names = sorted(self._arguments & shapes.keys())
        self._learned = {name: self.add_weight(name=name, shape=shapes[name]) for name in names}
        self._bias = PairBias(attention.heads, reads_times) if "bias" in self._arguments else None
        self._unprojected = attention.kind in _UNPROJECTED
        self._of_items = attention.values == "items"
        projected = [] if self._unprojected else ["query", "key", *([] if self._of_items else ["value"])]
        self._project = {name: tf.keras.layers.Dense(dim, name=name) for name in projected}
        if self._of_items:
            gate = tf.keras.initializers.Constant(_GATE)
            self._gate = self.add_weight(name="attention/gate_bias", shape=[dim], initializer=gate)
        else:
            self._project_context = tf.keras.layers.Dense(dim, name="context")

    def call(
        self, states: tf.Tensor, items: tf.Tensor, mask: tf.Tensor, times: HistoryTimes
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attend from each position to others.

        Args:
            states: float [batch, length, dim].
            items: float [batch, length, dim], the vectors of the items.
            mask: bool [batch, length, length], True where a position may attend to another one.
            times: the sessions of the positions, and the time between them.

        Returns:
            The context [batch, length, dim] and the weights [batch, length, length].
        """
        query, key, value = (
            self._project[name](states) if name in self._project else states for name in ("query", "key", "value")
        )
        arguments = {**self._settings, **self._learned}
        if "sessions" in self._arguments:
            arguments["sessions"] = times.sessions
        if self._bias is not None:
            arguments["bias"] = tf.cast(self._bias(tf.shape(states)[1], times.elapsed_s), query.dtype)
        context, weights = self._function(query, key, items if self._of_items else value, mask, **arguments)
        if self._of_items:
            return self._gate * context, weights
        return self._project_context(tf.concat([query, context], axis=-1) if self._unprojected else context), weights


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
    """Attention to earlier positions after a norm and inside a residual, then a feed-forward layer if there is one.

    A position does not attend to itself: the residual carries its own state, and nearly all weight would go there.

    Args:
        dim: width of the states, in which scores are computed.
        attention: which attention, and its settings.
        dropout: rates of dropout.
        reads_times: whether the time between two positions is known.
    """

    def __init__(self, dim: int, attention: AttentionConfig, dropout: DropoutRates, reads_times: bool) -> None:
        super().__init__()
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)
        self._attention = ProjectedAttention(dim, attention, reads_times)
        self._dropout = Dropout(dropout.hidden)
        self._key_dropout = dropout.attention
        self._feed_forward = FeedForward(dim, attention.feed_forward, dropout) if attention.feed_forward else None

    def call(
        self, states: tf.Tensor, items: tf.Tensor, valid: tf.Tensor, times: HistoryTimes, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attend to earlier positions and transform each state.

        Args:
            states: float [batch, length, dim].
            items: float [batch, length, dim], the vectors of the items.
            valid: bool [batch, length], False at padding.
            times: the sessions of the positions, and the time between them.
            training: whether dropout is on.

        Returns:
            The new states [batch, length, dim] and the weights [batch, length, length].
        """
        mask = earlier_mask(valid)
        if training and self._key_dropout:
            mask &= dropout_mask(tf.shape(mask), self._key_dropout)
        context, weights = self._attention(self._norm(states), items, mask, times)
        states += self._dropout(context, training=training)
        return states if self._feed_forward is None else self._feed_forward(states, training=training), weights


class FeedForward(tf.keras.layers.Layer):
    """A layer of hidden units for each state, after a norm and inside a residual (Vaswani et al. 2017, section 3.3).

    Args:
        dim: width of the states.
        times: width of the hidden units, as a multiple of dim.
        dropout: rates of dropout.
    """

    def __init__(self, dim: int, times: int, dropout: DropoutRates) -> None:
        super().__init__()
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)
        self._grow = tf.keras.layers.Dense(times * dim, activation="gelu", name="grow")
        self._shrink = tf.keras.layers.Dense(dim, name="shrink")
        self._dropout = Dropout(dropout.hidden)

    def call(self, states: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Transform each state.

        Args:
            states: float [batch, length, dim].
            training: whether dropout is on.

        Returns:
            The new states [batch, length, dim].
        """
        grown = self._dropout(self._grow(self._norm(states)), training=training)
        return states + self._dropout(self._shrink(grown), training=training)


class HistoryEncoder(tf.keras.layers.Layer):
    """Recurrent and attention blocks in the configured order, then a norm.

    Each block adds to the states, so an item's vector has a direct path to the
    query: that the next item resembles the last one needs not be learnt. There
    is no dropout after the last norm: it would be noise in every score, and at
    the rates of sparse logs it hides what training needs to see.

    Args:
        dim: width of the item embeddings and of the states.
        encoder: the recurrent blocks.
        attention: the attention blocks, and whether they come before the recurrent ones.
        dropout: rates of dropout.
        reads_times: whether the time between two positions is known.

    Example:
        >>> encoder = HistoryEncoder(4, EncoderConfig(units=8), AttentionConfig(), DropoutRates(0.1, 0.1, 0.0, 0.1))
        >>> valid = tf.constant([[True, True, False]])
        >>> states, weights = encoder(tf.ones([1, 3, 4]), valid, HistoryTimes(sessions=tf.zeros([1, 3], tf.int32)))
        >>> states.shape, weights.shape
        (TensorShape([1, 3, 4]), TensorShape([1, 3, 3]))
    """

    def __init__(
        self,
        dim: int,
        encoder: EncoderConfig,
        attention: AttentionConfig,
        dropout: DropoutRates,
        reads_times: bool = False,
    ) -> None:
        super().__init__(name="history_encoder")
        layers = 0 if encoder.kind == "none" else encoder.layers
        self._recurrent_blocks = [
            RecurrentBlock(dim, encoder.kind, encoder.units, dropout.recurrence) for _ in range(layers)
        ]
        self._attention_blocks = [AttentionBlock(dim, attention, dropout, reads_times) for _ in range(attention.blocks)]
        self._attention_first = attention.position == "before"
        self._embedding_dropout = Dropout(dropout.embedding)
        self._norm = tf.keras.layers.LayerNormalization(epsilon=1e-6)

    def call(
        self, embeddings: tf.Tensor, valid: tf.Tensor, times: HistoryTimes, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Encode every prefix of each history.

        Args:
            embeddings: float32 [batch, length, dim], padded on the right.
            valid: bool [batch, length], False at padding.
            times: the sessions of the positions, and the time between them.
            training: whether dropout is on.

        Returns:
            The states, float32 [batch, length, dim], each of which depends only
            on its own and earlier positions; and the weights of the last
            attention block, float32 [batch, length, length], 0 without a block.
        """
        items = states = self._embedding_dropout(embeddings, training=training)
        length = tf.shape(embeddings)[1]
        weights = tf.zeros([tf.shape(embeddings)[0], length, length], embeddings.dtype)
        if not self._attention_first:
            states = self._recur(states, training)
        for block in self._attention_blocks:
            states, weights = block(states, items, valid, times, training=training)
        if self._attention_first:
            states = self._recur(states, training)
        return self._norm(states), weights

    def _recur(self, states: tf.Tensor, training: bool) -> tf.Tensor:
        for block in self._recurrent_blocks:
            states = block(states, training=training)
        return states

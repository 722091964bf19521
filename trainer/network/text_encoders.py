"""Text encoders: from the token ids of an item's texts to one vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import tensorflow as tf

from schemas.config.text import TextConfig
from schemas.features import PADDING_ID
from trainer.network.attention import additive, multi_head
from trainer.network.dropout import Dropout
from trainer.network.encoder import ENCODERS
from trainer.network.input_features import CodeEmbedding


def masked_mean(vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the mean of the vectors that the mask allows.

    Args:
        vectors: float [batch, k, dim].
        mask: bool [batch, k].

    Returns:
        float [batch, dim]; 0 where the mask allows none.

    Example:
        >>> vectors = tf.constant([[[1.0, 4.0], [3.0, 0.0], [9.0, 9.0]]])
        >>> masked_mean(vectors, tf.constant([[True, True, False]])).numpy().tolist()
        [[2.0, 2.0]]
    """
    weights = tf.cast(mask, vectors.dtype)[..., tf.newaxis]
    return tf.math.divide_no_nan(tf.reduce_sum(vectors * weights, axis=1), tf.reduce_sum(weights, axis=1))


def attention_pooling(
    vectors: tf.Tensor, key: tf.Tensor, mask: tf.Tensor, *, matrix: tf.Tensor, bias: tf.Tensor, scale: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the mean of vectors, weighted by `softmax(scale . tanh(key . matrix + bias))`.

    This is the attention of Yang et al. (2016, equations 5 to 7), where `key` and `vectors` are the same.

    Args:
        vectors: float [batch, k, width].
        key: float [batch, k, key width].
        mask: bool [batch, k], True where the vector counts.
        matrix: float [key width, dim].
        bias: float [dim].
        scale: float [dim].

    Returns:
        The mean, float [batch, width], and the weights, float [batch, k]. Both are 0 where the mask allows none.

    Example:
        >>> vectors = tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 9.0]]])
        >>> learned = {"matrix": tf.eye(2), "bias": tf.zeros(2), "scale": tf.constant([1.0, 0.0])}
        >>> mean, weights = attention_pooling(vectors, vectors, tf.constant([[True, True, False]]), **learned)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.682, 0.318, 0.0]
    """
    query = bias[tf.newaxis, tf.newaxis]
    mean, weights = additive(query, key @ matrix, vectors, mask[:, tf.newaxis], scale=scale)
    return mean[:, 0], weights[:, 0]


class AttentionPooling(tf.keras.layers.Layer):
    """The learned arrays of `attention_pooling`.

    Args:
        units: width in which scores are computed.
        name: the layer's name.
    """

    def __init__(self, units: int, name: str) -> None:
        super().__init__(name=name)
        self._units = units

    def build(self, shape: tf.TensorShape) -> None:
        """Create the weights.

        Args:
            shape: [batch, k, width].
        """
        self._matrix = self.add_weight(name="matrix", shape=[shape[-1], self._units])
        self._bias = self.add_weight(name="bias", shape=[self._units], initializer="zeros")
        self._scale = self.add_weight(name="scale", shape=[self._units])

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, key: tf.Tensor | None = None) -> tf.Tensor:
        """Return the weighted mean of vectors.

        Args:
            vectors: float [batch, k, width].
            mask: bool [batch, k].
            key: float [batch, k, width], of which the scores are computed; the vectors, if None.

        Returns:
            float [batch, width].
        """
        learned = {"matrix": self._matrix, "bias": self._bias, "scale": self._scale}
        return attention_pooling(vectors, vectors if key is None else key, mask, **learned)[0]


class _Convolution(tf.keras.layers.Layer):
    """Vectors that depend on the neighbouring tokens (Wu et al. 2019, NAML, equation 1)."""

    def __init__(self, text: TextConfig) -> None:
        super().__init__(name="convolution")
        self._convolve = tf.keras.layers.Conv1D(
            text.units, text.window, padding="same", activation="relu", name="convolve"
        )

    def call(self, vectors: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
        return self._convolve(vectors * tf.cast(valid, vectors.dtype)[..., tf.newaxis])


class _Recurrence(tf.keras.layers.Layer):
    """Vectors that depend on the earlier tokens. It needs no mask: no token follows padding."""

    def __init__(self, text: TextConfig, kind: Literal["lstm", "gru"]) -> None:
        super().__init__(name="recurrence")
        self._recur = ENCODERS[kind](text.units)

    def call(self, vectors: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
        return self._recur(vectors)


class _SelfAttention(tf.keras.layers.Layer):
    """Vectors that depend on all tokens of the text (Wu et al. 2019, NRMS, equations 1 and 2)."""

    def __init__(self, text: TextConfig) -> None:
        super().__init__(name="self_attention")
        self._heads = text.heads
        self._project = {name: tf.keras.layers.Dense(text.units, name=name) for name in ("query", "key", "value")}

    def call(self, vectors: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
        query, key, value = (self._project[name](vectors) for name in ("query", "key", "value"))
        return multi_head(query, key, value, valid[:, tf.newaxis], heads=self._heads)[0]


class _Bag(tf.keras.layers.Layer):
    """The mean of all tokens."""

    def call(self, vectors: tf.Tensor, valid: tf.Tensor, training: bool = False) -> tf.Tensor:
        return masked_mean(*_join_fields(vectors, valid))


class _Pooled(tf.keras.layers.Layer):
    """A layer that lets the tokens of a field read each other, and attention over the tokens of all fields."""

    def __init__(self, text: TextConfig, context: tf.keras.layers.Layer) -> None:
        super().__init__(name="pooled")
        self._context = context
        self._dropout = Dropout(text.dropout)
        self._pool = AttentionPooling(text.units, "token_attention")

    def call(self, vectors: tf.Tensor, valid: tf.Tensor, training: bool = False) -> tf.Tensor:
        states = self._dropout(_by_field(self._context, vectors, valid), training=training)
        return self._pool(*_join_fields(states, valid))


class _Hierarchical(tf.keras.layers.Layer):
    """Attention over the tokens of each field, and then over the fields (Yang et al. 2016; Wu et al. 2019, NAML).

    A learned vector of each field counts in its score, so that a title can weigh more than an abstract.
    """

    def __init__(self, text: TextConfig) -> None:
        super().__init__(name="hierarchical")
        self._units = text.units
        self._context = _Convolution(text)
        self._dropout = Dropout(text.dropout)
        self._pool_tokens = AttentionPooling(text.units, "token_attention")
        self._pool_fields = AttentionPooling(text.units, "field_attention")

    def build(self, shape: tf.TensorShape) -> None:
        self._fields = self.add_weight(name="fields", shape=[shape[1], self._units])

    def call(self, vectors: tf.Tensor, valid: tf.Tensor, training: bool = False) -> tf.Tensor:
        states = self._dropout(_by_field(self._context, vectors, valid), training=training)
        shape = tf.shape(states)
        flat = tf.reshape(states, [-1, shape[2], self._units])
        of_fields = self._pool_tokens(flat, tf.reshape(valid, [-1, shape[2]]))
        of_fields = tf.reshape(of_fields, [-1, shape[1], self._units])
        return self._pool_fields(of_fields, tf.reduce_any(valid, axis=2), key=of_fields + self._fields)


def _by_field(context: tf.keras.layers.Layer, vectors: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Apply a layer for [batch, length, dim] to each field of [n, fields, length, dim]."""
    shape = tf.shape(vectors)
    flat = tf.reshape(vectors, [-1, shape[2], vectors.shape[-1]])
    states = context(flat, tf.reshape(valid, [-1, shape[2]]))
    return tf.reshape(states, [shape[0], shape[1], shape[2], states.shape[-1]])


def _join_fields(vectors: tf.Tensor, valid: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the tokens of all fields, [n, fields * length, dim], and their mask."""
    shape = tf.shape(vectors)
    joined = tf.reshape(vectors, [shape[0], shape[1] * shape[2], vectors.shape[-1]])
    return joined, tf.reshape(valid, [shape[0], shape[1] * shape[2]])


# Each function makes a layer from float [n, fields, length, token_dim] and the mask, bool [n, fields, length], to
# [n, any width]. Only a token that the mask allows may count, and a row without one must give finite values.
TEXT_ENCODERS: Mapping[str, Callable[[TextConfig], tf.keras.layers.Layer]] = {
    "bag": lambda _: _Bag(name="bag", dtype=tf.float32),  # a sum of many vectors in lower precision is inexact
    "cnn": lambda text: _Pooled(text, _Convolution(text)),
    "lstm": lambda text: _Pooled(text, _Recurrence(text, "lstm")),
    "gru": lambda text: _Pooled(text, _Recurrence(text, "gru")),
    "multi_head": lambda text: _Pooled(text, _SelfAttention(text)),
    "hierarchical": _Hierarchical,
}


class TextEncoder(tf.keras.layers.Layer):
    """Token embeddings, a function in `TEXT_ENCODERS`, and a projection to the width of an item's vector.

    Args:
        vocabulary: the number of tokens in the vocabulary. One more id is for unknown tokens.
        dim: width of the result.
        text: which encoder, and its settings.

    Example:
        >>> encoder = TextEncoder(vocabulary=9, dim=4, text=TextConfig(kind="bag"))
        >>> title_and_abstract = tf.constant([[[3, 1, 0], [7, 10, 2]], [[0, 0, 0], [0, 0, 0]]])
        >>> vectors = encoder(title_and_abstract)
        >>> vectors.shape, vectors[1].numpy().tolist()
        (TensorShape([2, 4]), [0.0, 0.0, 0.0, 0.0])
    """

    def __init__(self, vocabulary: int, dim: int, text: TextConfig) -> None:
        super().__init__(name="text")
        self._scale = text.token_dim**0.5  # the same as for the items' vectors
        self._tokens = CodeEmbedding(vocabulary + 2, text.token_dim, "tokens")
        self._dropout = Dropout(text.dropout)
        self._encode = TEXT_ENCODERS[text.kind](text)
        self._project = tf.keras.layers.Dense(dim, name="project")

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encode the texts of items.

        Args:
            token_ids: int [n, fields, length], length 1 or more, each field padded on the right with 0.
            training: whether dropout is on.

        Returns:
            float32 [n, dim]; the vector of an item without a token is 0.
        """
        valid = token_ids != PADDING_ID
        vectors = self._dropout(self._tokens(token_ids) * self._scale, training=training)
        encoded = self._project(self._encode(vectors, valid, training=training))
        has_text = tf.reduce_any(valid, axis=[1, 2])[:, tf.newaxis]
        return tf.where(has_text, tf.cast(encoded, tf.float32), 0.0)

"""Attention: pure functions with their masks as arguments, and a layer that projects into one of them.

Every function of `ATTENTION` takes

    query  float [batch, q, dim]
    key    float [batch, k, dim]
    value  float [batch, k, dim]
    mask   bool  [batch, q, k], True where the query may attend to the key

and returns the context, float [batch, q, dim], with the weights, float
[batch, q, k]. Weights are exactly 0 where the mask is False and sum to 1 over
the keys; a query that may attend to nothing gets zero weights and a zero
context. What else a function needs are keyword-only arguments: `heads` (how
many) and `scale` (a learnt vector, [dim]).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas import config

AttentionFunction = Callable[..., tuple[tf.Tensor, tf.Tensor]]


def dot_product(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores by `query . key / sqrt(dim)` (Vaswani et al. 2017, equation 1)."""
    scores = tf.matmul(query, key, transpose_b=True) * tf.cast(tf.shape(key)[-1], key.dtype) ** -0.5
    weights = _normalize(scores, mask)
    return tf.matmul(weights, value), weights


def additive(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, scale: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores by `scale . tanh(query + key)` (Bahdanau et al. 2015); takes [batch, q, k, dim] of memory."""
    scores = tf.einsum("bqkd,d->bqk", tf.tanh(query[:, :, tf.newaxis] + key[:, tf.newaxis]), scale)
    weights = _normalize(scores, mask)
    return tf.matmul(weights, value), weights


def multi_head(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, heads: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scaled dot product in each of `heads` equal parts of dim; the weights are the mean over the heads.

    `heads` must divide dim.
    """

    def split(x: tf.Tensor) -> tf.Tensor:  # [batch, n, dim] -> [batch, heads, n, dim / heads]
        shape = tf.shape(x)
        return tf.transpose(tf.reshape(x, [shape[0], shape[1], heads, x.shape[-1] // heads]), [0, 2, 1, 3])

    context, weights = dot_product(split(query), split(key), split(value), mask[:, tf.newaxis])
    return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), tf.shape(query)), tf.reduce_mean(weights, axis=1)


ATTENTION: Mapping[str, AttentionFunction] = {
    "dot_product": dot_product,
    "additive": additive,
    "multi_head": multi_head,
}


def causal_mask(valid: tf.Tensor) -> tf.Tensor:
    """Each position may attend to itself and to valid positions before it.

    Args:
        valid: bool [batch, length], False at padding.

    Returns:
        bool [batch, length, length].
    """
    positions = tf.range(tf.shape(valid)[1])
    return (positions[:, tf.newaxis] >= positions) & valid[:, tf.newaxis]


def further_arguments(function: AttentionFunction) -> set[str]:
    """The names of the keyword-only arguments of a function of `ATTENTION`."""
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def _normalize(scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    # The lowest number rather than -inf: a row of -inf only would be NaN.
    allowed = tf.where(mask, scores, scores.dtype.min)
    return tf.where(mask, tf.nn.softmax(allowed), 0.0)


class ProjectedAttention(tf.keras.layers.Layer):
    """Projects query, key and value to dim, attends, and projects the context to the query's width.

    Args:
        dim: width in which scores are computed.
        attention: which function of `ATTENTION`, and its heads.
    """

    def __init__(self, dim: int, attention: config.Attention, name: str | None = None) -> None:
        super().__init__(name=name)
        self._dim = dim
        self._function = ATTENTION[attention.kind]
        self._project_query, self._project_key, self._project_value = (
            tf.keras.layers.Dense(dim, name=name) for name in ("query", "key", "value")
        )
        self._arguments: dict[str, object] = {}
        if "heads" in further_arguments(self._function):
            self._arguments["heads"] = attention.heads

    def build(self, query_shape: tf.TensorShape) -> None:
        """Creates what the widths of the inputs decide."""
        if "scale" in further_arguments(self._function):
            self._arguments["scale"] = self.add_weight(name="scale", shape=[self._dim])
        self._project_context = tf.keras.layers.Dense(query_shape[-1], name="context")

    def call(self, query: tf.Tensor, history: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Attends from query [batch, q, width] to history [batch, k, any width] under mask bool [batch, q, k].

        Returns:
            The context [batch, q, width] and the weights [batch, q, k].
        """
        context, weights = self._function(
            self._project_query(query),
            self._project_key(history),
            self._project_value(history),
            mask,
            **self._arguments,
        )
        return self._project_context(context), weights

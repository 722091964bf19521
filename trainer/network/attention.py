"""Attention: pure functions with their masks as arguments.

Every function of `ATTENTION` takes

    query  float [batch, q, dim]
    key    float [batch, k, dim]
    value  float [batch, k, dim]
    mask   bool  [batch, q, k], True where the query may attend to the key

and returns the context, float [batch, q, dim], with the weights, float
[batch, q, k]. Weights are exactly 0 where the mask is False and sum to 1 over
the keys (to less for `local_predictive`); a query that may attend to nothing
gets zero weights and a zero context. What else a function needs are
keyword-only arguments:

    heads, hops, window   int: see the functions
    sessions              int [batch, k], which session each key belongs to, counted from 0
    scale                 learnt, [dim]
    matrix                learnt, [dim, dim]; [2 * dim, dim] for `concat`
    position_matrix       learnt, [dim, dim]
    position_scale        learnt, [dim]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import tensorflow as tf

Attended = tuple[tf.Tensor, tf.Tensor]
AttentionFunction = Callable[..., Attended]


def scaled_dot_product(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> Attended:
    """Scores by `query . key / sqrt(dim)` (Vaswani et al. 2017, equation 1)."""
    return dot_product(query * tf.cast(tf.shape(key)[-1], key.dtype) ** -0.5, key, value, mask)


def dot_product(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> Attended:
    """Scores by `query . key` (Luong et al. 2015, equation 8, "dot")."""
    return _attend(tf.matmul(query, key, transpose_b=True), value, mask)


def general(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, matrix: tf.Tensor) -> Attended:
    """Scores by `query . matrix . key` (Luong et al. 2015, equation 8, "general")."""
    return dot_product(query @ matrix, key, value, mask)


def concat(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, matrix: tf.Tensor, scale: tf.Tensor
) -> Attended:
    """Scores by `scale . tanh([query, key] . matrix)` (Luong et al. 2015, equation 8); memory as `additive`."""
    of_query, of_key = tf.split(matrix, 2)
    return additive(query @ of_query, key @ of_key, value, mask, scale=scale)


def additive(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, scale: tf.Tensor) -> Attended:
    """Scores by `scale . tanh(query + key)` (Bahdanau et al. 2015); takes [batch, q, k, dim] of memory."""
    scores = tf.einsum("bqkd,d->bqk", tf.tanh(query[:, :, tf.newaxis] + key[:, tf.newaxis]), scale)
    return _attend(scores, value, mask)


def multi_head(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, heads: int) -> Attended:
    """Scaled dot product in each of `heads` equal parts of dim (Vaswani et al. 2017, section 3.2.2).

    The weights are the mean over the heads. `heads` must divide dim.
    """

    def split(x: tf.Tensor) -> tf.Tensor:  # [batch, n, dim] -> [batch, heads, n, dim / heads]
        shape = tf.shape(x)
        return tf.transpose(tf.reshape(x, [shape[0], shape[1], heads, x.shape[-1] // heads]), [0, 2, 1, 3])

    context, weights = scaled_dot_product(split(query), split(key), split(value), mask[:, tf.newaxis])
    return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), tf.shape(query)), tf.reduce_mean(weights, axis=1)


def local_monotonic(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, window: int) -> Attended:
    """`dot_product` over the last `window` + 1 keys that the query may attend to.

    Luong et al. 2015, section 3.2, "local-m", where a causal mask leaves the half of the window before the position.
    """
    places, count = _places(mask)
    return dot_product(query, key, value, mask & (places >= count - 1 - window))


def local_predictive(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    mask: tf.Tensor,
    *,
    window: int,
    position_matrix: tf.Tensor,
    position_scale: tf.Tensor,
) -> Attended:
    """`dot_product` over the keys up to `window` places from one that the query predicts.

    The predicted place is `p = n * sigmoid(position_scale . tanh(query . position_matrix))`
    of the n keys that the query may attend to, and each weight is multiplied by
    `exp(-(place - p)^2 / (2 * (window / 2)^2))` (Luong et al. 2015, equations 9 and 10).
    """
    places, count = _places(mask)
    predicted = tf.linalg.matvec(tf.tanh(query @ position_matrix), position_scale)[..., tf.newaxis]
    distance = tf.cast(places, query.dtype) - tf.cast(count, query.dtype) * tf.sigmoid(predicted)
    _, weights = dot_product(query, key, value, mask & (tf.abs(distance) <= window))
    weights *= tf.exp(-tf.square(distance) / (2.0 * (window / 2.0) ** 2))
    return weights @ value, weights


def memory_network(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, hops: int) -> Attended:
    """Reads the keys several times, each time with what was read before added to the query.

    `u(h + 1) = u(h) + o(h)`, where `o(h)` is the context of `dot_product` for
    `u(h)` (Sukhbaatar et al. 2015, section 2.2). Context and weights are the
    means over the hops.
    """
    contexts, weights = [], []
    for _ in range(hops):
        context, shares = dot_product(query, key, value, mask)
        contexts.append(context)
        weights.append(shares)
        query += context
    return tf.add_n(contexts) / hops, tf.add_n(weights) / hops


def hierarchical(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, sessions: tf.Tensor
) -> Attended:
    """Attends to the keys of each session, and to the sessions by what was found in them.

    Within a session the weights are those of `scaled_dot_product`; a session's
    score is the scaled dot product of the query with its keys so weighed, and
    the weight of a key its session's times its own in it (the two levels of
    Yang et al. 2016, with scaled dot products for scores).
    """
    scores = tf.matmul(query, key, transpose_b=True) * tf.cast(tf.shape(key)[-1], key.dtype) ** -0.5
    belongs = tf.one_hot(sessions, tf.shape(sessions)[1], dtype=scores.dtype)  # [batch, k, session]
    highest = tf.reduce_max(tf.where(mask, scores, scores.dtype.min), axis=-1, keepdims=True)
    grown = tf.where(mask, tf.exp(tf.where(mask, scores - highest, 0.0)), 0.0)
    of_session = tf.matmul(grown @ belongs, belongs, transpose_b=True)  # [batch, q, k], the sum over the key's session
    within = tf.math.divide_no_nan(grown, of_session)
    session_scores = (within * scores) @ belongs  # [batch, q, session]
    present = grown @ belongs > 0.0  # not so where all weights of a session are too small for the precision
    weights = within * tf.matmul(_normalize(session_scores, present), belongs, transpose_b=True)
    return weights @ value, weights


ATTENTION: Mapping[str, AttentionFunction] = {
    "scaled_dot_product": scaled_dot_product,
    "dot_product": dot_product,
    "general": general,
    "concat": concat,
    "additive": additive,
    "multi_head": multi_head,
    "local_monotonic": local_monotonic,
    "local_predictive": local_predictive,
    "memory_network": memory_network,
    "hierarchical": hierarchical,
}

HOLD_PAIRS = {"concat", "additive"}  # hold a vector of dim for each pair of a query and a key


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


def _attend(scores: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> Attended:
    weights = _normalize(scores, mask)
    return weights @ value, weights


def _normalize(scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    # The lowest number rather than -inf: a row of -inf only would be NaN.
    allowed = tf.where(mask, scores, scores.dtype.min)
    return tf.where(mask, tf.nn.softmax(allowed), 0.0)


def _places(mask: tf.Tensor) -> Attended:
    """Which of the query's allowed keys each key is, from 0, int [batch, q, k], and how many there are, [batch, q, 1].

    Under a causal mask the last allowed key is the query's own position.
    """
    counts = tf.cumsum(tf.cast(mask, tf.int32), axis=-1)
    return counts - 1, counts[..., -1:]

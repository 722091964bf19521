"""Attention functions: pure functions that take their mask as an argument.

Every function in `ATTENTION` takes

    query  float [batch, q, dim]
    key    float [batch, k, dim]
    value  float [batch, k, dim]
    mask   bool  [batch, q, k], True where the query may attend to the key

and returns the context, float [batch, q, dim], with the weights, float
[batch, q, k]. Weights are exactly 0 where the mask is False, and sum to 1 over
the keys (to less for `local_predictive`). A query that may attend to no key
gets zero weights and a zero context. Further inputs are keyword-only
arguments:

    heads, hops, window   int, see the functions
    bias                  float [batch or 1, heads, q, k], added to the scores
    sessions              int [batch, k], the session of each key, counted from 0
    scale                 learned, [dim]
    matrix                learned, [dim, dim]; [2 * dim, dim] for `concat`
    position_matrix       learned, [dim, dim]
    position_scale        learned, [dim]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import tensorflow as tf

Attended = tuple[tf.Tensor, tf.Tensor]
AttentionFunction = Callable[..., Attended]


def scaled_dot_product(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> Attended:
    """Attend with the score `query . key / sqrt(dim)` (Vaswani et al. 2017, equation 1).

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = scaled_dot_product(query, key, key, mask)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.67, 0.33, 0.0]
    """
    return dot_product(query * tf.cast(tf.shape(key)[-1], key.dtype) ** -0.5, key, value, mask)


def dot_product(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> Attended:
    """Attend with the score `query . key` (Luong et al. 2015, equation 8, "dot").

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = dot_product(query, key, key, mask)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.731, 0.269, 0.0]
    """
    return _attend(tf.matmul(query, key, transpose_b=True), value, mask)


def general(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, matrix: tf.Tensor) -> Attended:
    """Attend with the score `query . matrix . key` (Luong et al. 2015, equation 8, "general").

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        matrix: float [dim, dim].

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = general(query, key, key, mask, matrix=tf.eye(2))
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.731, 0.269, 0.0]
    """
    return dot_product(query @ matrix, key, value, mask)


def concat(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, matrix: tf.Tensor, scale: tf.Tensor
) -> Attended:
    """Attend with the score `scale . tanh([query, key] . matrix)` (Luong et al. 2015, equation 8).

    Like `additive`, it holds [batch, q, k, dim] in memory.

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        matrix: float [2 * dim, dim].
        scale: float [dim].

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> matrix = tf.concat([tf.eye(2), tf.eye(2)], axis=0)
        >>> context, weights = concat(query, key, key, mask, matrix=matrix, scale=tf.ones(2))
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.364, 0.636, 0.0]
    """
    of_query, of_key = tf.split(matrix, 2)
    return additive(query @ of_query, key @ of_key, value, mask, scale=scale)


def additive(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, scale: tf.Tensor) -> Attended:
    """Attend with the score `scale . tanh(query + key)` (Bahdanau et al. 2015).

    It holds [batch, q, k, dim] in memory.

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        scale: float [dim].

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = additive(query, key, key, mask, scale=tf.ones(2))
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.364, 0.636, 0.0]
    """
    scores = tf.einsum("bqkd,d->bqk", tf.tanh(query[:, :, tf.newaxis] + key[:, tf.newaxis]), scale)
    return _attend(scores, value, mask)


def multi_head(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, heads: int, bias: tf.Tensor | float = 0.0
) -> Attended:
    """Attend by scaled dot product in several heads (Vaswani et al. 2017, section 3.2.2), with a bias for each pair.

    Each head reads an equal part of dim. The biases are those of relative positions (Raffel et al. 2020, section 2.1).

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        heads: the number of heads, which must divide dim.
        bias: float [batch or 1, heads, q, k], added to the scores.

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k], the mean over the heads.

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> near = tf.constant([[[[0.0, 2.0, 4.0]]]])
        >>> context, weights = multi_head(query, key, key, mask, heads=1, bias=near)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.215, 0.785, 0.0]
    """

    def split(x: tf.Tensor) -> tf.Tensor:  # [batch, n, dim] -> [batch, heads, n, dim / heads]
        shape = tf.shape(x)
        return tf.transpose(tf.reshape(x, [shape[0], shape[1], heads, x.shape[-1] // heads]), [0, 2, 1, 3])

    scores = tf.matmul(split(query), split(key), transpose_b=True) * (key.shape[-1] // heads) ** -0.5
    context, weights = _attend(scores + bias, split(value), mask[:, tf.newaxis])
    return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), tf.shape(query)), tf.reduce_mean(weights, axis=1)


def local_monotonic(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, window: int) -> Attended:
    """Attend by `dot_product` to the last `window` + 1 keys that the query may attend to.

    This is "local-m" of Luong et al. (2015, section 3.2). A causal mask leaves
    only the half of the window before the position.

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        window: how many keys before the last one count.

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = local_monotonic(query, key, key, mask, window=1)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.731, 0.269, 0.0]
    """
    indices, count = _allowed_indices(mask)
    return dot_product(query, key, value, mask & (indices >= count - 1 - window))


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
    """Attend by `dot_product` to the keys near an index that the query predicts.

    The predicted index is `p = n * sigmoid(position_scale . tanh(query . position_matrix))`
    among the n keys that the query may attend to. Each weight is multiplied by
    `exp(-(index - p)^2 / (2 * (window / 2)^2))` (Luong et al. 2015, equations 9 and 10).

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        window: the greatest distance from the predicted index.
        position_matrix: float [dim, dim].
        position_scale: float [dim].

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> learned = {"position_matrix": tf.eye(2), "position_scale": tf.ones(2)}
        >>> context, weights = local_predictive(query, key, key, mask, window=2, **learned)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.289, 0.252, 0.0]
    """
    indices, count = _allowed_indices(mask)
    predicted = tf.linalg.matvec(tf.tanh(query @ position_matrix), position_scale)[..., tf.newaxis]
    distance = tf.cast(indices, query.dtype) - tf.cast(count, query.dtype) * tf.sigmoid(predicted)
    _, weights = dot_product(query, key, value, mask & (tf.abs(distance) <= window))
    weights *= tf.exp(-tf.square(distance) / (2.0 * (window / 2.0) ** 2))
    return weights @ value, weights


def memory_network(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, hops: int) -> Attended:
    """Attend several times, each time with the context found before added to the query.

    `u(h + 1) = u(h) + o(h)`, where `o(h)` is the context of `dot_product` for
    `u(h)` (Sukhbaatar et al. 2015, section 2.2). Context and weights are the
    means over the hops.

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        hops: how many times.

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = memory_network(query, key, key, mask, hops=2)
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.771, 0.229, 0.0]
    """
    contexts, weights = [], []
    for _ in range(hops):
        context, hop_weights = dot_product(query, key, value, mask)
        contexts.append(context)
        weights.append(hop_weights)
        query += context
    return tf.add_n(contexts) / hops, tf.add_n(weights) / hops


def hierarchical(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor, *, sessions: tf.Tensor
) -> Attended:
    """Attend to the sessions, and within each session to its keys.

    Within a session, the weights are those of `scaled_dot_product`. A session's
    score is the scaled dot product of the query with the session's weighted
    keys. The weight of a key is its session's weight times its own within the
    session (the two levels of Yang et al. 2016, with scaled dot products as scores).

    Args:
        query: float [batch, q, dim].
        key: float [batch, k, dim].
        value: float [batch, k, dim].
        mask: bool [batch, q, k], True where the query may attend to the key.
        sessions: int [batch, k], the session of each key, counted from 0.

    Returns:
        The context, float [batch, q, dim], and the weights, float [batch, q, k].

    Example:
        >>> query, key = tf.constant([[[1.0, 0.0]]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> mask = tf.constant([[[True, True, False]]])
        >>> context, weights = hierarchical(query, key, key, mask, sessions=tf.constant([[0, 1, 1]]))
        >>> [round(weight, 3) for weight in weights.numpy().flatten().tolist()]
        [0.67, 0.33, 0.0]
    """
    scores = tf.matmul(query, key, transpose_b=True) * tf.cast(tf.shape(key)[-1], key.dtype) ** -0.5
    belongs = tf.one_hot(sessions, tf.shape(sessions)[1], dtype=scores.dtype)  # [batch, k, session]
    highest = tf.reduce_max(tf.where(mask, scores, scores.dtype.min), axis=-1, keepdims=True)
    exponentials = tf.where(mask, tf.exp(tf.where(mask, scores - highest, 0.0)), 0.0)
    of_session = tf.matmul(exponentials @ belongs, belongs, transpose_b=True)  # [batch, q, k], sum of the key's session
    within = tf.math.divide_no_nan(exponentials, of_session)
    session_scores = (within * scores) @ belongs  # [batch, q, session]
    present = exponentials @ belongs > 0.0  # False also if all weights of a session are too small for the precision
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

PAIRWISE = {"concat", "additive"}  # they hold a vector of dim for each pair of a query and a key in memory


def earlier_mask(valid: tf.Tensor) -> tf.Tensor:
    """Return a mask that lets each position attend to the valid positions before it, and not to itself.

    Args:
        valid: bool [batch, length], False at padding.

    Returns:
        bool [batch, length, length].
    """
    positions = tf.range(tf.shape(valid)[1])
    return (positions[:, tf.newaxis] > positions) & valid[:, tf.newaxis]


def keyword_arguments(function: AttentionFunction) -> set[str]:
    """Return the names of the keyword-only arguments of a function in `ATTENTION`."""
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def _attend(scores: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> Attended:
    weights = _normalize(scores, mask)
    return weights @ value, weights


def _normalize(scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    # The lowest float instead of -inf: the softmax of a row of only -inf is NaN.
    allowed = tf.where(mask, scores, scores.dtype.min)
    return tf.where(mask, tf.nn.softmax(allowed), 0.0)


def _allowed_indices(mask: tf.Tensor) -> Attended:
    """Return the index of each key among the query's allowed keys, int [batch, q, k], and their count [batch, q, 1].

    Under a causal mask the last allowed key is the one before the query.
    """
    counts = tf.cumsum(tf.cast(mask, tf.int32), axis=-1)
    return counts - 1, counts[..., -1:]

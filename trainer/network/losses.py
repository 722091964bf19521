"""Losses of the retrieval task: pure functions of scores, with their negatives as arguments.

Everywhere `n` is the number of targets, `weights` float [n] says how much each
counts, and the loss is the scalar sum of `weights * loss of the target`.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

_CELLS = 1 << 23  # scores held at once: 32 MB, about what stays in a processor's cache
_SMALLEST = 1e-37  # of the shares that have a logarithm


def full_softmax(
    queries: tf.Tensor,
    vectors: tf.Tensor,
    bias: tf.Tensor,
    positives: tf.Tensor,
    weights: tf.Tensor,
    smoothing: float = 0.0,
) -> tf.Tensor:
    """Softmax cross-entropy of each target among all items.

    The scores are never held as a whole: a block of queries is scored and its
    gradients are taken at once, which on a CPU is two to three times faster
    than a cross-entropy of all scores, and bounds the memory.

    Args:
        queries: float [n, dim]; products are in their type, sums and shares in float32.
        vectors: float32 [items, dim].
        bias: float32 [items], added to the scores.
        positives: int [n], the row of each query's target.
        weights: float32 [n]; no gradient flows to them.
        smoothing: the share of the target's probability that is dealt to all
            items alike (Szegedy et al. 2016, section 7).
    """
    rows = tf.shape(queries)[0]
    items = tf.shape(vectors)[0]
    block = tf.maximum(1, _CELLS // items)
    end = tf.maximum(1, rows)  # one block at least, be it empty

    @tf.custom_gradient
    def loss(queries: tf.Tensor, vectors: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
        sharp, dealt = 1.0 - smoothing, smoothing / tf.cast(items, tf.float32)
        mean_vector, mean_bias = tf.reduce_mean(vectors, axis=0), tf.reduce_mean(bias)
        compact = tf.cast(vectors, queries.dtype)

        def product(a: tf.Tensor, b: tf.Tensor, **transposed: bool) -> tf.Tensor:
            return tf.cast(tf.matmul(tf.cast(a, queries.dtype), b, **transposed), tf.float32)

        def step(start: tf.Tensor, total: tf.Tensor, d_queries: Any, d_vectors: tf.Tensor, d_bias: tf.Tensor) -> Any:
            query, positive, weight = (x[start : start + block] for x in (queries, positives, weights))
            scores = product(query, compact, transpose_b=True) + bias
            query = tf.cast(query, tf.float32)
            shares = tf.nn.softmax(scores)
            losses = -_log(tf.gather(shares, positive, batch_dims=1))
            if smoothing:
                mean_score = tf.linalg.matvec(query, mean_vector) + mean_bias
                losses += smoothing * (tf.gather(scores, positive, batch_dims=1) - mean_score)
            # The gradient of a score is the item's share, less 1 at the target (smoothed, less a little at all).
            weighted = query * weight[:, tf.newaxis]
            d_query = product(shares, compact) - sharp * tf.gather(vectors, positive) - smoothing * mean_vector
            d_vectors += product(shares, tf.cast(weighted, queries.dtype), transpose_a=True)
            d_bias += tf.linalg.matvec(shares, weight, transpose_a=True)
            d_queries = d_queries.write(start // block, d_query * weight[:, tf.newaxis])
            return start + block, total + tf.reduce_sum(losses * weight), d_queries, d_vectors, d_bias

        blocks = tf.TensorArray(tf.float32, -(-end // block), infer_shape=False, element_shape=[None, queries.shape[1]])
        _, total, d_queries, d_vectors, d_bias = tf.while_loop(
            lambda start, *_: start < end,
            step,
            (0, tf.zeros([]), blocks, tf.zeros_like(vectors), tf.zeros_like(bias)),
            parallel_iterations=1,
        )
        weighted = tf.cast(queries, tf.float32) * weights[:, tf.newaxis]
        d_vectors -= sharp * tf.math.unsorted_segment_sum(weighted, positives, items)
        d_vectors -= dealt * tf.reduce_sum(weighted, axis=0)
        d_bias -= sharp * tf.math.unsorted_segment_sum(weights, positives, items) + dealt * tf.reduce_sum(weights)
        d_queries = tf.cast(tf.ensure_shape(d_queries.concat(), queries.shape), queries.dtype)
        gradients = d_queries, d_vectors, d_bias
        return total, lambda upstream: tuple(tf.cast(upstream, x.dtype) * x for x in gradients)

    return loss(queries, tf.convert_to_tensor(vectors), tf.convert_to_tensor(bias))


def sampled_softmax(
    positive_scores: tf.Tensor,
    negative_scores: tf.Tensor,
    expected_counts: tf.Tensor,
    accidental: tf.Tensor,
    weights: tf.Tensor,
    smoothing: float = 0.0,
) -> tf.Tensor:
    """Softmax cross-entropy of each target among a sample of items, that of all items in expectation.

    A negative's score is lowered by the logarithm of how often it was to be
    expected in the sample (the logQ correction of Bengio and Senécal 2008; Yi
    et al. 2019), so the sum over the sample estimates the sum over all items
    without bias. A sample that is the whole catalogue gives `full_softmax`.

    Args:
        positive_scores: float [n].
        negative_scores: float [n, sample].
        expected_counts: float [sample], greater than 0.
        accidental: bool [n, sample], True where the negative is the target: it does not count.
        weights: float [n].
        smoothing: as in `full_softmax`, dealt over the sample.
    """
    counted = tf.where(accidental, negative_scores.dtype.min, negative_scores - tf.math.log(expected_counts))
    scores = tf.concat([positive_scores[:, tf.newaxis], counted], axis=1)
    losses = _first_of_softmax(scores)
    if smoothing:
        shares = tf.where(accidental, 0.0, 1.0 / expected_counts)
        mean = (positive_scores + tf.reduce_sum(shares * negative_scores, axis=1)) / (1.0 + tf.reduce_sum(shares, 1))
        losses += smoothing * (positive_scores - mean)
    return tf.reduce_sum(losses * weights)


def calibrated_binary(
    positive_scores: tf.Tensor,
    negative_scores: tf.Tensor,
    accidental: tf.Tensor,
    weights: tf.Tensor,
    items: int,
    calibration: float,
) -> tf.Tensor:
    """Binary cross-entropy with the target's probability raised to a power (gBCE; Petrov and Macdonald 2023).

    With few negatives plain binary cross-entropy learns scores that are too
    high; the power `beta = a * (t * (1 - 1/a) + 1/a)`, where `a` is the
    share of the other items that is sampled and `t` the calibration, mends
    that: wholly for t = 1, not at all for t = 0.

    Args:
        positive_scores: float [n].
        negative_scores: float [n, sample], of items drawn uniformly.
        accidental: bool [n, sample], True where the negative is the target: it does not count.
        weights: float [n].
        items: how many there are.
        calibration: t, from 0 to 1.
    """
    sampled = min(negative_scores.shape[1] / max(items - 1, 1), 1.0)
    beta = sampled * (calibration * (1.0 - 1.0 / sampled) + 1.0 / sampled)
    negatives = tf.where(accidental, 0.0, tf.nn.softplus(negative_scores))
    return tf.reduce_sum((beta * tf.nn.softplus(-positive_scores) + tf.reduce_sum(negatives, axis=1)) * weights)


@tf.custom_gradient
def _first_of_softmax(scores: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """-log of the first column's share, [n]: TensorFlow's own cross-entropy takes twice the time on a CPU."""
    shares = tf.nn.softmax(scores)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        target = tf.one_hot(tf.zeros(tf.shape(shares)[:1], tf.int32), tf.shape(shares)[1], dtype=shares.dtype)
        return (shares - target) * upstream[:, tf.newaxis]

    return -_log(shares[:, 0]), gradient


def _log(shares: tf.Tensor) -> tf.Tensor:
    # A share may be too small for its type; the gradient, which is what learns, does not pass through here.
    return tf.where(shares < _SMALLEST, math.log(_SMALLEST), tf.math.log(shares))

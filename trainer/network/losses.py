"""Losses of the retrieval task: pure functions of scores that take their negatives as arguments.

`n` is the number of targets, and `weights` float [n] has the weight of each. A
loss is a scalar: the sum of `weights * loss of the target`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_MAX_SCORES = 1 << 23  # held at once: 32 MB, about the size of a processor's cache
_SMALLEST = 1e-37  # the logarithm of a lower probability is cut off here


def full_softmax(
    queries: tf.Tensor,
    vectors: tf.Tensor,
    bias: tf.Tensor,
    positives: tf.Tensor,
    weights: tf.Tensor,
    smoothing: float = 0.0,
) -> tf.Tensor:
    """Return the softmax cross-entropy of each target among all items.

    Queries are scored in blocks, and the gradients of a block are computed at
    once. On a CPU this is two to three times faster than a cross-entropy of
    all scores, and it bounds the memory.

    Args:
        queries: float [n, dim]. Products are in their type, sums and probabilities in float32.
        vectors: float32 [items, dim].
        bias: float32 [items], added to the scores.
        positives: int [n], the row of each query's target.
        weights: float32 [n]; no gradient flows to them.
        smoothing: the part of the target's probability that is divided equally
            among all items (Szegedy et al. 2016, section 7).

    Returns:
        A scalar, the sum of weight times loss.

    Example:
        >>> vectors = tf.constant([[1.0, 0.0], [0.0, 1.0]])
        >>> loss = full_softmax(tf.zeros([1, 2]), vectors, tf.zeros(2), tf.constant([0]), tf.ones(1))
        >>> round(float(loss), 4)  # -log(1 / 2): both items have the same score
        0.6931
    """
    loss = _softmax_in_blocks(positives, weights, smoothing)
    return loss(queries, tf.convert_to_tensor(vectors), tf.convert_to_tensor(bias))


def _softmax_in_blocks(positives: tf.Tensor, weights: tf.Tensor, smoothing: float) -> Callable[..., tf.Tensor]:
    """Return `full_softmax` as a function of queries, vectors and bias, with its own gradient."""

    @tf.custom_gradient
    def loss(queries: tf.Tensor, vectors: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
        items = tf.shape(vectors)[0]
        block = tf.maximum(1, _MAX_SCORES // items)
        end = tf.maximum(1, tf.shape(queries)[0])  # at least one block, even without queries
        of_target, of_each = 1.0 - smoothing, smoothing / tf.cast(items, tf.float32)  # target probabilities
        mean_vector, mean_bias = tf.reduce_mean(vectors, axis=0), tf.reduce_mean(bias)
        compact = tf.cast(vectors, queries.dtype)

        def product(a: tf.Tensor, b: tf.Tensor, **transposed: bool) -> tf.Tensor:
            return tf.cast(tf.matmul(tf.cast(a, queries.dtype), b, **transposed), tf.float32)

        def step(start: tf.Tensor, total: tf.Tensor, d_queries: Any, d_vectors: tf.Tensor, d_bias: tf.Tensor) -> Any:
            query, positive, weight = (x[start : start + block] for x in (queries, positives, weights))
            scores = product(query, compact, transpose_b=True) + bias
            query = tf.cast(query, tf.float32)
            probabilities = tf.nn.softmax(scores)
            losses = -_log(tf.gather(probabilities, positive, batch_dims=1))
            if smoothing:
                mean_score = tf.linalg.matvec(query, mean_vector) + mean_bias
                losses += smoothing * (tf.gather(scores, positive, batch_dims=1) - mean_score)
            # The gradient of a score is the item's probability minus its target probability.
            weighted = query * weight[:, tf.newaxis]
            d_query = (
                product(probabilities, compact) - of_target * tf.gather(vectors, positive) - smoothing * mean_vector
            )
            d_vectors += product(probabilities, tf.cast(weighted, queries.dtype), transpose_a=True)
            d_bias += tf.linalg.matvec(probabilities, weight, transpose_a=True)
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
        d_vectors -= of_target * tf.math.unsorted_segment_sum(weighted, positives, items)
        d_vectors -= of_each * tf.reduce_sum(weighted, axis=0)
        d_bias -= of_target * tf.math.unsorted_segment_sum(weights, positives, items) + of_each * tf.reduce_sum(weights)
        d_queries = tf.cast(tf.ensure_shape(d_queries.concat(), queries.shape), queries.dtype)
        gradients = d_queries, d_vectors, d_bias
        return total, lambda upstream: tuple(tf.cast(upstream, x.dtype) * x for x in gradients)

    return loss


def sampled_softmax(
    positive_scores: tf.Tensor,
    negative_scores: tf.Tensor,
    expected_counts: tf.Tensor,
    accidental: tf.Tensor,
    weights: tf.Tensor,
    smoothing: float = 0.0,
) -> tf.Tensor:
    """Return the softmax cross-entropy of each target among a sample of items.

    The logarithm of a negative's expected count in the sample is subtracted
    from its score (the logQ correction of Bengio and Senécal 2008; Yi et al.
    2019). So the sum over the sample is an unbiased estimate of the sum over
    all items. With the whole catalogue as the sample, this is `full_softmax`.

    Args:
        positive_scores: float [n].
        negative_scores: float [n, sample].
        expected_counts: float [sample], greater than 0.
        accidental: bool [n, sample], True where the negative is the target, and is ignored.
        weights: float [n].
        smoothing: as in `full_softmax`, divided among the sample.

    Returns:
        A scalar, the sum of weight times loss.

    Example:
        >>> positive, negatives = tf.constant([0.0]), tf.constant([[0.0, 0.0]])
        >>> accidental = tf.constant([[False, True]])
        >>> loss = sampled_softmax(positive, negatives, tf.constant([0.5, 0.5]), accidental, tf.ones(1))
        >>> round(float(loss), 4)  # log(1 + 1 / 0.5): one negative that stands for two items
        1.0986
    """
    corrected = tf.where(accidental, negative_scores.dtype.min, negative_scores - tf.math.log(expected_counts))
    scores = tf.concat([positive_scores[:, tf.newaxis], corrected], axis=1)
    losses = _first_of_softmax(scores)
    if smoothing:
        items = tf.where(accidental, 0.0, 1.0 / expected_counts)  # how many items a negative stands for
        mean = (positive_scores + tf.reduce_sum(items * negative_scores, axis=1)) / (1.0 + tf.reduce_sum(items, 1))
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
    """Return the binary cross-entropy with calibrated target probabilities (gBCE; Petrov and Macdonald 2023).

    With few negatives, binary cross-entropy learns scores that are too high.
    The target's probability is therefore raised to the power
    `beta = a * (t * (1 - 1/a) + 1/a)`, where `a` is the fraction of the other
    items that is sampled, and `t` the calibration: 1 corrects fully, 0 nothing.

    Args:
        positive_scores: float [n].
        negative_scores: float [n, sample], of items drawn uniformly.
        accidental: bool [n, sample], True where the negative is the target, and is ignored.
        weights: float [n].
        items: the number of items.
        calibration: t, from 0 to 1.

    Returns:
        A scalar, the sum of weight times loss.

    Example:
        >>> positive, negatives = tf.constant([0.0]), tf.constant([[0.0, 0.0]])
        >>> accidental = tf.constant([[False, True]])
        >>> loss = calibrated_binary(positive, negatives, accidental, tf.ones(1), items=3, calibration=0.0)
        >>> round(float(loss), 4)  # 2 log 2: the target and one negative, each with a probability of 1 / 2
        1.3863
    """
    sampled = min(negative_scores.shape[1] / max(items - 1, 1), 1.0)
    beta = sampled * (calibration * (1.0 - 1.0 / sampled) + 1.0 / sampled)
    negatives = tf.where(accidental, 0.0, tf.nn.softplus(negative_scores))
    return tf.reduce_sum((beta * tf.nn.softplus(-positive_scores) + tf.reduce_sum(negatives, axis=1)) * weights)


@tf.custom_gradient
def _first_of_softmax(scores: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Return -log of the first column's probability, [n].

    TensorFlow's own cross-entropy takes twice the time on a CPU.
    """
    probabilities = tf.nn.softmax(scores)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        target = tf.one_hot(
            tf.zeros(tf.shape(probabilities)[:1], tf.int32), tf.shape(probabilities)[1], dtype=probabilities.dtype
        )
        return (probabilities - target) * upstream[:, tf.newaxis]

    return -_log(probabilities[:, 0]), gradient


def _log(probabilities: tf.Tensor) -> tf.Tensor:
    # A probability may be too small for its type. Only the logged loss is cut off: gradients do not pass through here.
    return tf.where(probabilities < _SMALLEST, math.log(_SMALLEST), tf.math.log(probabilities))

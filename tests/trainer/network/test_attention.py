"""The attention functions against Keras's layers, or the papers' formulas with loops in NumPy."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from trainer.network.attention import (
    additive,
    concat,
    dot_product,
    earlier_mask,
    general,
    hierarchical,
    local_monotonic,
    local_predictive,
    memory_network,
    multi_head,
    scaled_dot_product,
)

BATCH, QUERIES, KEYS, DIM = 2, 4, 5, 6

Array = npt.NDArray[np.float32]
RNG = np.random.default_rng(7)
QUERY = RNG.normal(size=(BATCH, QUERIES, DIM)).astype(np.float32)
KEY, VALUE = RNG.normal(size=(2, BATCH, KEYS, DIM)).astype(np.float32)
VALID = np.array([[True] * 5, [True] * 3 + [False] * 2])  # which keys there are
MASK = np.repeat(VALID[:, None], QUERIES, axis=1)


@pytest.mark.parametrize("scaled", [False, True])
def test_dot_product_equals_keras(scaled: bool) -> None:
    keras = tf.keras.layers.Attention()
    query = QUERY / np.sqrt(DIM).astype(np.float32) if scaled else QUERY
    expected, expected_weights = keras([query, VALUE, KEY], mask=[None, VALID], return_attention_scores=True)
    context, weights = (scaled_dot_product if scaled else dot_product)(QUERY, KEY, VALUE, MASK)
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)


def test_additive_equals_keras_with_the_same_scale() -> None:
    keras = tf.keras.layers.AdditiveAttention()
    keras.build([QUERY.shape, VALUE.shape, KEY.shape])
    scale = np.linspace(-2.0, 2.0, DIM).astype(np.float32)
    keras.set_weights([scale])
    expected, expected_weights = keras([QUERY, VALUE, KEY], mask=[None, VALID], return_attention_scores=True)
    context, weights = additive(QUERY, KEY, VALUE, MASK, scale=tf.constant(scale))
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_multi_head_equals_keras_without_its_projections(heads: int) -> None:
    keras = tf.keras.layers.MultiHeadAttention(heads, DIM // heads, use_bias=False)
    keras(QUERY, VALUE, KEY)
    split = np.eye(DIM).reshape(DIM, heads, DIM // heads)
    keras.set_weights([split, split, split, np.eye(DIM).reshape(heads, DIM // heads, DIM)])
    expected, by_head = keras(QUERY, VALUE, KEY, attention_mask=MASK, return_attention_scores=True)
    context, weights = multi_head(QUERY, KEY, VALUE, MASK, heads=heads)
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights, np.mean(by_head, axis=1), atol=1e-5)


def test_bias_of_multi_head_is_added_to_the_scores_of_its_head() -> None:
    """Equal keys have equal scores, so that the weights are the softmax of the biases."""
    bias = RNG.normal(size=(BATCH, 2, QUERIES, KEYS)).astype(np.float32)
    _, weights = multi_head(QUERY, np.ones_like(KEY), VALUE, MASK, heads=2, bias=tf.constant(bias))
    for row, query in np.ndindex(BATCH, QUERIES):
        count = VALID[row].sum()
        expected = np.mean([softmax(bias[row, head, query, :count]) for head in range(2)], axis=0)
        np.testing.assert_allclose(weights[row, query, :count], expected, atol=1e-6)


def test_earlier_mask_allows_valid_positions_before_each_one() -> None:
    mask = earlier_mask(tf.constant([[True, True, True], [True, False, False]]))
    t, f = True, False
    assert mask.numpy().tolist() == [[[f, f, f], [t, f, f], [t, t, f]], [[f, f, f], [t, f, f], [t, f, f]]]


def softmax(scores: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    exponentials = np.exp(scores.astype(np.float64) - scores.max())
    return np.asarray(exponentials / exponentials.sum())


def check(found: tuple[tf.Tensor, tf.Tensor], weights_of: Callable[[int, int, list[int]], Iterable[float]]) -> None:
    """Compare with `weights_of(row, query, allowed keys)`, the weights of a query's allowed keys."""
    expected = np.zeros((BATCH, QUERIES, KEYS))
    for row in range(BATCH):
        for query in range(QUERIES):
            allowed = np.flatnonzero(MASK[row, query]).tolist()
            expected[row, query, allowed] = list(weights_of(row, query, allowed))
    context, weights = found
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    np.testing.assert_allclose(context, np.einsum("bqk,bkd->bqd", expected, VALUE), atol=1e-5)


def test_general_equals_luong() -> None:
    matrix = RNG.normal(size=(DIM, DIM)).astype(np.float32)
    check(
        general(QUERY, KEY, VALUE, MASK, matrix=matrix),
        lambda row, query, keys: softmax(np.array([QUERY[row, query] @ matrix @ KEY[row, k] for k in keys])),
    )


def test_concat_equals_luong() -> None:
    matrix = RNG.normal(size=(2 * DIM, DIM)).astype(np.float32)
    scale = RNG.normal(size=DIM).astype(np.float32)
    check(
        concat(QUERY, KEY, VALUE, MASK, matrix=tf.constant(matrix), scale=tf.constant(scale)),
        lambda row, query, keys: softmax(
            np.array([scale @ np.tanh(np.concatenate([QUERY[row, query], KEY[row, k]]) @ matrix) for k in keys])
        ),
    )


@pytest.mark.parametrize("window", [1, 2, 9])
def test_local_monotonic_attends_to_the_window_before_the_last_allowed_key(window: int) -> None:
    def weights_of(row: int, query: int, keys: list[int]) -> Iterable[float]:
        near = [index for index in range(len(keys)) if index >= len(keys) - 1 - window]
        weights = np.zeros(len(keys))
        weights[near] = softmax(np.array([QUERY[row, query] @ KEY[row, keys[index]] for index in near]))
        return list(weights)

    check(local_monotonic(QUERY, KEY, VALUE, MASK, window=window), weights_of)


@pytest.mark.parametrize("window", [1, 2, 9])
def test_local_predictive_equals_luong(window: int) -> None:
    matrix = RNG.normal(size=(DIM, DIM)).astype(np.float32)
    scale = RNG.normal(size=DIM).astype(np.float32)

    def weights_of(row: int, query: int, keys: list[int]) -> Iterable[float]:
        centre = len(keys) / (1 + np.exp(-scale @ np.tanh(QUERY[row, query] @ matrix)))
        near = [index for index in range(len(keys)) if abs(index - centre) <= window]
        weights = np.zeros(len(keys))
        if near:
            weights[near] = softmax(np.array([QUERY[row, query] @ KEY[row, keys[index]] for index in near]))
        return list(weights * np.exp(-((np.arange(len(keys)) - centre) ** 2) / (2 * (window / 2) ** 2)))

    found = local_predictive(
        QUERY, KEY, VALUE, MASK, window=window, position_matrix=matrix, position_scale=tf.constant(scale)
    )
    check(found, weights_of)


def test_memory_network_adds_context_to_its_query() -> None:
    def weights_of(row: int, query: int, keys: list[int]) -> Iterable[float]:
        memory, read = QUERY[row, query].astype(np.float64), []
        for _ in range(3):
            read.append(softmax(KEY[row, keys] @ memory))
            memory = memory + read[-1] @ VALUE[row, keys]
        return np.mean(read, axis=0).tolist()

    check(memory_network(QUERY, KEY, VALUE, MASK, hops=3), weights_of)


def test_hierarchical_weight_is_session_weight_times_weight_within() -> None:
    sessions = np.array([[0, 0, 1, 1, 2], [0, 1, 1, 1, 2]])

    def weights_of(row: int, query: int, keys: list[int]) -> Iterable[float]:
        scores = {k: float(QUERY[row, query] @ KEY[row, k]) / np.sqrt(DIM) for k in keys}
        groups = [[k for k in keys if sessions[row, k] == session] for session in set(sessions[row, keys].tolist())]
        within = [softmax(np.array([scores[k] for k in group])) for group in groups]
        among = softmax(
            np.array([inner @ [scores[k] for k in group] for inner, group in zip(within, groups, strict=True)])
        )
        weights = {
            k: weight * session
            for session, inner, group in zip(among, within, groups, strict=True)
            for weight, k in zip(inner, group, strict=True)
        }
        return [weights[k] for k in keys]

    check(hierarchical(QUERY, KEY, VALUE, MASK, sessions=tf.constant(sessions)), weights_of)


def test_hierarchical_session_with_much_lower_score_gets_zero_weight() -> None:
    """exp(-200) is 0 in float32."""
    key = np.array([[[0.0], [-200.0]]], np.float32)
    query, mask = np.ones((1, 1, 1), np.float32), np.ones((1, 1, 2), np.bool_)
    _, weights = hierarchical(query, key, key, mask, sessions=tf.constant([[0, 1]]))
    np.testing.assert_array_equal(weights, [[[1.0, 0.0]]])


def test_multi_head_context_depends_on_number_of_heads() -> None:
    context = {heads: multi_head(QUERY, KEY, VALUE, MASK, heads=heads)[0].numpy() for heads in (1, 2)}
    assert np.abs(context[1] - context[2]).max() > 1e-3

"""The losses against NumPy in float64, by their definitions."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from trainer.network import losses
from trainer.network.losses import calibrated_binary, full_softmax, sampled_softmax

Array = npt.NDArray[np.float32]
N, ITEMS, DIM = 7, 11, 3


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


QUERIES, VECTORS, BIAS = random(0, N, DIM), random(1, ITEMS, DIM), random(2, ITEMS)
POSITIVES = np.array([0, 10, 4, 4, 4, 1, 0])
WEIGHTS = np.array([1, 2, 0, 0.5, 1, 1, 3], np.float32) / 8.5


def cross_entropies(scores: npt.NDArray[Any], smoothing: float = 0.0) -> npt.NDArray[np.float64]:
    exponentials = np.exp(scores.astype(np.float64))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    wanted = np.full(scores.shape, smoothing / scores.shape[1])
    wanted[np.arange(len(scores)), POSITIVES] += 1 - smoothing
    return np.asarray(-(wanted * np.log(probabilities)).sum(axis=1))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_full_softmax_equals_weighted_cross_entropy_of_all_items(smoothing: float) -> None:
    expected = (WEIGHTS * cross_entropies(QUERIES @ VECTORS.T + BIAS, smoothing)).sum()
    loss = full_softmax(QUERIES, VECTORS, BIAS, POSITIVES, WEIGHTS, smoothing)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("cells", [ITEMS, 3 * ITEMS, 1 << 20], ids=["blocks of one", "of three", "one block"])
def test_full_softmax_gradients_equal_those_of_tensorflow_cross_entropy(
    smoothing: float, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_MAX_SCORES", cells)
    inputs = [tf.constant(x) for x in (QUERIES, VECTORS, BIAS)]

    def gradients(loss: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = 3.0 * loss(*inputs)
        return list(tape.gradient(value, inputs))

    def plain(queries: Any, vectors: Any, bias: Any) -> Any:
        wanted = (1 - smoothing) * tf.one_hot(POSITIVES, ITEMS) + smoothing / ITEMS
        scores = tf.matmul(queries, vectors, transpose_b=True) + bias
        return tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(wanted, scores) * WEIGHTS)

    found = gradients(lambda q, v, b: full_softmax(q, v, b, POSITIVES, WEIGHTS, smoothing))
    for gradient, expected in zip(found, gradients(plain), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_full_softmax_of_equal_scores_is_log_of_item_count() -> None:
    zero = np.zeros((ITEMS, DIM), np.float32)
    loss = full_softmax(QUERIES, zero, np.zeros(ITEMS, np.float32), POSITIVES, WEIGHTS)
    np.testing.assert_allclose(loss, np.log(ITEMS), rtol=1e-6)


def test_losses_without_targets_are_zero() -> None:
    nothing = np.zeros(0, np.float32)
    queries = tf.constant(np.zeros((0, DIM), np.float32))
    with tf.GradientTape() as tape:
        tape.watch(queries)
        loss = full_softmax(queries, VECTORS, BIAS, nothing.astype(np.int64), nothing)
    assert loss == 0
    assert tape.gradient(loss, queries).shape == (0, DIM)


def test_losses_of_very_low_targets_are_finite_and_nan_stays_nan() -> None:
    queries, vectors = tf.constant([[1000.0]]), tf.constant([[1.0], [-1.0]])
    with tf.GradientTape() as tape:
        tape.watch(queries)
        loss = full_softmax(queries, vectors, tf.zeros([2]), tf.constant([1]), tf.constant([1.0]))
    assert np.isfinite(loss)
    assert tape.gradient(loss, queries).numpy() == pytest.approx(2.0)
    assert np.isnan(full_softmax(queries * np.nan, vectors, tf.zeros([2]), tf.constant([1]), tf.constant([1.0])))


def sampled(sample: npt.NDArray[np.int64], expected_counts: Any, smoothing: float = 0.0) -> float:
    scores = QUERIES @ VECTORS.T + BIAS
    return float(
        sampled_softmax(
            scores[np.arange(N), POSITIVES],
            tf.constant(scores[:, sample]),
            np.asarray(expected_counts, np.float32),
            POSITIVES[:, None] == sample,
            WEIGHTS,
            smoothing,
        )
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_sampled_softmax_of_whole_catalogue_equals_full_softmax(smoothing: float) -> None:
    """Also in any order, and if each item occurs twice and is expected twice."""
    expected = float(full_softmax(QUERIES, VECTORS, BIAS, POSITIVES, WEIGHTS, smoothing))
    shuffled = np.random.default_rng(0).permutation(ITEMS)
    assert sampled(shuffled, np.ones(ITEMS), smoothing) == pytest.approx(expected, rel=1e-5)
    assert sampled(np.tile(shuffled, 2), np.full(2 * ITEMS, 2.0), smoothing) == pytest.approx(expected, rel=1e-5)


def test_sampled_normalizer_equals_full_one_in_expectation() -> None:
    """With uneven sampling probabilities, the corrected sum estimates the sum over all items."""
    rng = np.random.default_rng(0)
    odds, draws = rng.dirichlet(np.full(ITEMS, 5.0)), 30
    scores = (QUERIES @ VECTORS.T + BIAS)[:1]
    positive = scores[:, POSITIVES[0]]
    sums = []
    for _ in range(2_000):
        sample = rng.choice(ITEMS, draws, p=odds)
        expected_counts = (draws * odds[sample]).astype(np.float32)
        loss = sampled_softmax(
            positive,
            tf.constant(scores[:, sample]),
            expected_counts,
            POSITIVES[:1, None] == sample,
            np.ones(1, np.float32),
        )
        sums.append(np.exp(float(loss) + positive[0]))  # exp(loss) = normaliser / exp(positive score)
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - np.exp(scores[0]).sum()) < 4 * error
    assert error < 0.02 * np.mean(sums)


def test_sampled_losses_ignore_accidental_hits() -> None:
    """A sample of only the target gives a loss of 0, and one more item with its score log(2)."""
    for hits, expected in (([True, True], 0.0), ([True, False], np.log(2))):
        loss = sampled_softmax(
            tf.constant([2.0]), tf.constant([[2.0, 2.0]]), tf.ones(2), tf.constant([hits]), tf.constant([1.0])
        )
        assert float(loss) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("calibration", "beta"), [(0.0, 1.0), (1.0, 0.4), (0.75, 0.55)])
def test_binary_loss_raises_target_probability_to_calibrated_power(calibration: float, beta: float) -> None:
    """With 4 of 10 other items sampled, the power is 0.4 for t = 1, and 0.4 * (0.75 * (1 - 2.5) + 2.5) for 0.75."""
    positive, negative = random(3, N), random(4, N, 4)
    accidental = np.zeros((N, 4), np.bool_)
    accidental[2, 1] = True

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-np.asarray(x, np.float64)))

    expected = -(WEIGHTS * (beta * np.log(sigmoid(positive)))).sum()
    expected -= (WEIGHTS[:, None] * np.where(accidental, 0, np.log(1 - sigmoid(negative)))).sum()
    loss = calibrated_binary(positive, negative, accidental, WEIGHTS, ITEMS, calibration)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)

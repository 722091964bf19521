"""The contract of all functions in `ATTENTION`. Their keyword-only arguments are made here by name."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from trainer.network.attention import ATTENTION, earlier_mask, keyword_arguments

BATCH, LENGTH, DIM = 3, 7, 8
LENGTHS = [7, 4, 0]  # of the histories; the last is empty
SUMS_TO_LESS = {"local_predictive"}  # its weights fall with the distance from the predicted index
WINDOWED = {"local_monotonic", "local_predictive"}  # not every key that the mask allows gets weight

Array = npt.NDArray[np.float32]


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def keyword_only(kind: str, queries: int = LENGTH, keys: int = LENGTH) -> dict[str, Any]:
    """Return the keyword-only arguments of a function, by name."""
    wanted = keyword_arguments(ATTENTION[kind])
    arguments = {
        "bias": random(11, 1, 2, 32, 32)[..., :queries, :keys],
        "heads": 2,
        "hops": 2,
        "window": 3,
        "sessions": tf.broadcast_to(tf.range(keys) // 3, [BATCH, keys]),
        "scale": tf.linspace(-1.0, 1.0, DIM),
        "matrix": random(8, 2 * DIM if "scale" in wanted else DIM, DIM),
        "position_matrix": random(9, DIM, DIM),
        "position_scale": random(10, DIM),
    }
    return {name: arguments[name] for name in wanted}


def attend(kind: str, query: Array, key: Array, value: Array, mask: Any) -> tuple[Array, Array]:
    context, weights = ATTENTION[kind](
        query, key, value, tf.constant(mask), **keyword_only(kind, query.shape[1], key.shape[1])
    )
    return context.numpy(), weights.numpy()


@pytest.fixture(params=sorted(ATTENTION))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def valid() -> npt.NDArray[np.bool_]:
    return np.arange(LENGTH) < np.array(LENGTHS)[:, None]


def test_weights_cover_only_allowed_keys_and_sum_to_one(kind: str) -> None:
    mask = np.random.default_rng(0).random((BATCH, 5, LENGTH)) < 0.5
    mask[0, 0] = False
    key, value = (random(seed, BATCH, LENGTH, DIM) for seed in (2, 3))
    context, weights = attend(kind, random(1, BATCH, 5, DIM), key, value, mask)
    assert context.shape == (BATCH, 5, DIM)
    assert weights.shape == (BATCH, 5, LENGTH)
    assert (weights[~mask] == 0).all()
    assert (weights[mask] > 0).all() or kind in WINDOWED
    assert (weights >= 0).all()
    assert (weights.sum(axis=-1) <= mask.any(axis=-1) + 1e-6).all()
    if kind not in SUMS_TO_LESS:
        np.testing.assert_allclose(weights.sum(axis=-1), mask.any(axis=-1), atol=1e-6)


def test_query_without_allowed_keys_gets_zero_context(kind: str) -> None:
    mask = np.ones((BATCH, LENGTH, LENGTH), np.bool_)
    mask[1, 2] = False
    query, key, value = (random(seed, BATCH, LENGTH, DIM) for seed in (1, 2, 3))
    context, weights = attend(kind, query, key, value, mask)
    assert (context[1, 2] == 0).all()
    assert (weights[1, 2] == 0).all()
    assert np.isfinite(context).all()


def test_gradients_with_fully_masked_queries_are_finite(kind: str) -> None:
    query, key, value = (tf.constant(random(s, BATCH, LENGTH, DIM)) for s in (1, 2, 3))
    with tf.GradientTape() as tape:
        tape.watch([query, key, value])
        context, _ = ATTENTION[kind](query, key, value, earlier_mask(tf.constant(valid())), **keyword_only(kind))
    for gradient in tape.gradient(context, [query, key, value]):
        assert np.isfinite(gradient.numpy()).all()


def test_context_is_the_weighted_sum_of_values(kind: str) -> None:
    """With one value for all keys, the context is that value times the sum of the weights."""
    value = np.tile(random(3, BATCH, 1, DIM), (1, LENGTH, 1))
    mask = np.ones((BATCH, LENGTH, LENGTH), np.bool_)
    context, weights = attend(kind, random(1, BATCH, LENGTH, DIM), random(2, BATCH, LENGTH, DIM), value, mask)
    np.testing.assert_allclose(context, value * weights.sum(axis=-1, keepdims=True), atol=1e-5)


def test_weights_depend_on_keys(kind: str) -> None:
    mask = np.ones((BATCH, LENGTH, LENGTH), np.bool_)
    query, key, value = (random(s, BATCH, LENGTH, DIM) for s in (1, 2, 3))
    _, weights = attend(kind, query, key, value, mask)
    _, others = attend(kind, query, key + random(4, BATCH, LENGTH, DIM), value, mask)
    assert weights.std(axis=-1).min() > 1e-3
    assert np.abs(others - weights).max(axis=-1).mean() > 1e-2


def test_context_under_earlier_mask_ignores_later_items(kind: str) -> None:
    inputs = [random(s, BATCH, LENGTH, DIM) for s in (1, 2, 3)]
    changed = [x.copy() for x in inputs]
    for x in changed:
        x[:, 4:] += 1.0
    mask = earlier_mask(tf.ones([BATCH, LENGTH], tf.bool))
    before, _ = attend(kind, inputs[0], inputs[1], inputs[2], mask)
    after, _ = attend(kind, changed[0], changed[1], changed[2], mask)
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 0.1


def test_context_ignores_padding(kind: str) -> None:
    inputs = [random(s, BATCH, LENGTH, DIM) for s in (1, 2, 3)]
    padded = [np.pad(x, [(0, 0), (0, 3), (0, 0)], constant_values=9.0) for x in inputs]
    context, weights = attend(kind, inputs[0], inputs[1], inputs[2], earlier_mask(tf.constant(valid())))
    longer, longer_weights = attend(
        kind, padded[0], padded[1], padded[2], earlier_mask(tf.constant(np.pad(valid(), [(0, 0), (0, 3)])))
    )
    np.testing.assert_allclose(longer[:, :LENGTH], context, atol=1e-5)
    np.testing.assert_allclose(longer_weights[:, :LENGTH, :LENGTH], weights, atol=1e-5)

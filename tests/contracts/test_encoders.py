"""The contract of all recurrences in `ENCODERS`."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from trainer.network.encoder import ENCODERS

BATCH, LENGTH, WIDTH, UNITS = 3, 6, 5, 4

Array = npt.NDArray[np.float32]


@pytest.fixture(params=sorted(ENCODERS))
def recurrence(request: pytest.FixtureRequest) -> Any:
    tf.keras.utils.set_random_seed(0)
    return ENCODERS[request.param](UNITS)


@pytest.fixture
def inputs() -> Array:
    return np.random.default_rng(1).normal(size=(BATCH, LENGTH, WIDTH)).astype(np.float32)


def test_recurrence_returns_a_state_for_each_position(recurrence: Any, inputs: Array) -> None:
    states = recurrence(inputs).numpy()
    assert states.shape == (BATCH, LENGTH, UNITS)
    assert states.std(axis=1).min() > 1e-3


def test_state_depends_on_earlier_positions_and_ignores_later_ones(recurrence: Any, inputs: Array) -> None:
    changed = inputs.copy()
    changed[:, 3] += 1.0
    before, after = recurrence(inputs).numpy(), recurrence(changed).numpy()
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (np.abs(before[:, 3:] - after[:, 3:]).max(axis=-1) > 1e-4).all()


def test_states_of_a_history_are_the_same_alone_and_in_a_batch(recurrence: Any, inputs: Array) -> None:
    together = recurrence(inputs).numpy()
    alone = np.concatenate([recurrence(inputs[row : row + 1]).numpy() for row in range(BATCH)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_states_ignore_padding(recurrence: Any, inputs: Array) -> None:
    padded = np.pad(inputs, [(0, 0), (0, 4), (0, 0)])
    np.testing.assert_allclose(recurrence(padded).numpy()[:, :LENGTH], recurrence(inputs).numpy(), atol=1e-5)

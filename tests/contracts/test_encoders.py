"""The contract of all recurrences in `ENCODERS`, with one layer and with a stack."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.network.encoder import ENCODERS

BATCH, LENGTH, WIDTH, UNITS = 3, 6, 5, 4

Array = npt.NDArray[np.float32]


@pytest.fixture(params=[(kind, layers) for kind in sorted(ENCODERS) for layers in (1, 2)], ids=str)
def recurrence(request: pytest.FixtureRequest) -> Any:
    kind, layers = request.param
    tf.keras.utils.set_random_seed(0)
    return ENCODERS[kind](config.EncoderConfig(kind=kind, units=UNITS, layers=layers))


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
    reach = (
        4 if isinstance(recurrence, tf.keras.layers.Dense) else LENGTH
    )  # without a recurrence only the position itself
    assert (np.abs(before[:, 3:reach] - after[:, 3:reach]).max(axis=-1) > 1e-4).all()


def test_states_of_a_history_are_the_same_alone_and_in_a_batch(recurrence: Any, inputs: Array) -> None:
    together = recurrence(inputs).numpy()
    alone = np.concatenate([recurrence(inputs[row : row + 1]).numpy() for row in range(BATCH)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_states_ignore_padding(recurrence: Any, inputs: Array) -> None:
    padded = np.pad(inputs, [(0, 0), (0, 4), (0, 0)])
    np.testing.assert_allclose(recurrence(padded).numpy()[:, :LENGTH], recurrence(inputs).numpy(), atol=1e-5)


def test_recurrence_has_configured_width_and_depth() -> None:
    """A stack of two has more weights than one layer, and so has a wider layer."""
    for kind in ENCODERS.keys() - {"none"}:
        sizes = []
        for units, layers in ((4, 1), (4, 2), (8, 1)):
            layer = ENCODERS[kind](config.EncoderConfig(kind=kind, units=units, layers=layers))  # type: ignore[arg-type]
            assert layer(np.zeros((1, 2, WIDTH), np.float32)).shape == (1, 2, units)
            sizes.append(layer.count_params())
        assert sizes[0] < min(sizes[1:])

"""Propensities on simulated logs whose truth is known, and against loops over the strata."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from tests.trainer.click_model import PROPENSITIES, make_world, simulate
from trainer.metrics import estimate_propensities, inverse_propensity_weights

SIMULATIONS = 200
WORLD = make_world()


def test_propensities_of_shuffled_lists_are_ratios_of_click_rates() -> None:
    positions = np.repeat([0, 1, 2], [10, 20, 5])
    clicked = np.concatenate([np.arange(10) < 5, np.arange(20) < 4, np.arange(5) < 0])

    found = estimate_propensities(positions, clicked)

    np.testing.assert_allclose(found.propensities, [1.0, 0.2 / 0.5, 0.0])
    # The standard error of a ratio of rates: ratio x sqrt(1/4 - 1/20 + 1/5 - 1/10).
    np.testing.assert_allclose(found.standard_errors, [0.0, 0.4 * math.sqrt(0.3), np.nan])
    assert found.shown.tolist() == [10, 20, 5]


def test_propensities_of_simulated_shuffled_lists_are_within_their_error() -> None:
    logs = [simulate(WORLD, seed, 2_000, shuffled=True) for seed in range(SIMULATIONS)]
    found = [estimate_propensities(log.positions, log.clicked) for log in logs]
    values, errors = (np.stack(parts) for parts in zip(*((one[0], one[1]) for one in found), strict=True))

    spread = values.std(axis=0, ddof=1)
    assert (abs(values.mean(axis=0) - PROPENSITIES)[1:] < 4 * spread[1:] / math.sqrt(SIMULATIONS)).all()
    np.testing.assert_allclose(errors.mean(axis=0)[1:], spread[1:], rtol=0.2)


def two_rankers(seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Return positions, clicks and items of a log in which a fifth of the impressions shows each list backwards."""
    log = simulate(WORLD, seed, 4_000)
    generator = np.random.default_rng(seed)
    backwards = generator.random(log.units.max() + 1)[log.units] < 0.2
    positions = np.where(backwards, len(PROPENSITIES) - 1 - log.positions, log.positions)
    clicked = generator.random(len(positions)) < WORLD.relevance[log.kinds, log.items] * PROPENSITIES[positions]
    return positions, clicked, log.kinds * 10 + log.items


def test_propensities_by_item_remove_the_relevance_of_the_items_at_a_position() -> None:
    logs = [two_rankers(seed) for seed in range(50)]
    by_item = np.array([estimate_propensities(*log).propensities[4] for log in logs])
    ranked = [simulate(WORLD, seed, 4_000) for seed in range(50)]
    by_position = np.array([estimate_propensities(log.positions, log.clicked).propensities[4] for log in ranked])

    assert abs(by_item.mean() - PROPENSITIES[4]) < 4 * by_item.std(ddof=1) / math.sqrt(50)
    # Without strata, the ranker's good items at the top make the last position look worse than it is.
    assert by_position.mean() < PROPENSITIES[4] - 4 * by_position.std(ddof=1) / math.sqrt(50)


def test_propensity_of_a_position_that_shares_no_stratum_with_the_first_is_nan() -> None:
    positions, clicked = np.array([0, 0, 1, 2]), np.array([True, False, True, True])

    found = estimate_propensities(positions, clicked, np.array(["a", "b", "a", "c"]))

    np.testing.assert_array_equal(found.propensities, [1.0, 1.0, np.nan])


def test_propensities_of_an_empty_log_are_empty() -> None:
    assert [len(part) for part in estimate_propensities(np.zeros(0, np.int64), np.zeros(0, np.bool_))] == [0, 0, 0]


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from("ab")), min_size=1, max_size=60))
def test_propensities_equal_a_loop_over_the_strata(rows: list[tuple[int, bool, str]]) -> None:
    positions, clicked, strata = (np.array(part) for part in zip(*rows, strict=True))

    found = estimate_propensities(positions, clicked, strata)

    for position in range(1, int(positions.max()) + 1):
        here = at_first = spread = 0.0
        for stratum in set(strata):
            at, reference = ((positions == p) & (strata == stratum) for p in (position, 0))
            (n1, a), (n0, b) = ((mask.sum(), clicked[mask].sum()) for mask in (at, reference))
            if n1 + n0:
                here, at_first = here + a * n0 / (n1 + n0), at_first + b * n1 / (n1 + n0)
                spread += ((a + b) * n1 * n0 - a * b * (n1 + n0)) / (n1 + n0) ** 2
        expected = here / at_first if at_first else math.nan
        error = expected * math.sqrt(spread / (here * at_first)) if here * at_first else math.nan
        np.testing.assert_allclose(found.propensities[position], expected, rtol=1e-9)
        np.testing.assert_allclose(found.standard_errors[position], error, rtol=1e-9)


@given(
    propensities=st.lists(st.floats(1e-6, 2.0), max_size=20),
    clip=st.one_of(st.none(), st.floats(0.1, 1e4)),
)
def test_clipping_bounds_the_weights_and_counts_what_it_removes(propensities: list[float], clip: float | None) -> None:
    found = inverse_propensity_weights(np.array(propensities), clip)

    full = [1 / p for p in propensities]
    kept = [weight if clip is None else min(weight, clip) for weight in full]
    np.testing.assert_allclose(found.weights, kept)
    assert found.clipped.tolist() == [clip is not None and weight > clip for weight in full]
    assert found.removed == pytest.approx((sum(full) - sum(kept)) / sum(full) if full else 0.0, abs=1e-9)


@pytest.mark.parametrize("propensity", [0.0, -0.5, math.nan, math.inf])
def test_propensity_that_is_not_positive_is_refused(propensity: float) -> None:
    with pytest.raises(InputError, match="a positive propensity"):
        inverse_propensity_weights(np.array([0.5, propensity]))


@pytest.mark.parametrize("clip", [0.0, -1.0, math.nan, math.inf])
def test_clip_that_is_not_positive_is_refused(clip: float) -> None:
    with pytest.raises(InputError, match="greatest weight"):
        inverse_propensity_weights(np.array([0.5]), clip)

"""Estimates of a new ranking from simulated logs of another one, whose truth is known."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.click_model import PROPENSITIES, make_world, simulate
from trainer.metrics import OffPolicyEstimates, estimate_gain

SIMULATIONS = 1_000
IMPRESSIONS = 300
WORLD = make_world()
RELEVANT = WORLD.relevance.sum(axis=1).mean() * IMPRESSIONS  # expected in a log


def estimate(seed: int, impressions: int = IMPRESSIONS, **settings: Any) -> OffPolicyEstimates:
    log = simulate(WORLD, seed, impressions)
    gains, propensities = WORLD.gains[log.kinds, log.items], PROPENSITIES[log.positions]
    return estimate_gain(gains, log.clicked, propensities, log.units, **settings)


@cache
def simulated(clip: float | None = None) -> list[OffPolicyEstimates]:
    return [estimate(seed, clip=clip, relevant=RELEVANT) for seed in range(SIMULATIONS)]


def values(name: str, clip: float | None = None) -> npt.NDArray[Any]:
    return np.array([getattr(found, name).value for found in simulated(clip)])


def margin(found: npt.NDArray[Any]) -> float:
    """Return four standard errors of the mean over the simulations."""
    return float(4 * found.std(ddof=1) / math.sqrt(len(found)))


def test_naive_estimate_is_biased_and_ips_and_snips_are_not() -> None:
    naive, ips, snips = (values(name) for name in ("naive", "ips", "snips"))

    assert abs(naive.mean() - WORLD.true_gain) > 10 * margin(naive)
    assert abs(naive.mean() - WORLD.naive_gain) < margin(naive)
    assert abs(ips.mean() - WORLD.true_gain) < margin(ips)
    assert abs(snips.mean() - WORLD.true_gain) < margin(snips)


def test_snips_varies_less_than_ips() -> None:
    assert values("snips").std() < values("ips").std() / 2


@pytest.mark.parametrize(("name", "truth"), [("ips", WORLD.true_gain), ("snips", WORLD.true_gain), ("naive", None)])
def test_interval_of_an_estimate_covers_the_truth_in_95_percent_of_the_logs(name: str, truth: float | None) -> None:
    truth = WORLD.naive_gain if truth is None else truth
    covered = [low <= truth <= high for low, high in (getattr(found, name).interval() for found in simulated())]

    # 95% within four standard errors of a fraction, and a little less for small logs.
    assert 0.95 - 4 * math.sqrt(0.95 * 0.05 / SIMULATIONS) - 0.01 < np.mean(covered)
    assert np.mean(covered) < 0.95 + 4 * math.sqrt(0.95 * 0.05 / SIMULATIONS)


@pytest.mark.parametrize("name", ["naive", "ips", "snips"])
def test_standard_error_equals_the_spread_over_the_logs(name: str) -> None:
    errors = [getattr(found, name).standard_error for found in simulated()]

    assert np.mean(errors) == pytest.approx(values(name).std(ddof=1), rel=0.1)


def test_interval_of_the_naive_estimate_misses_the_truth_in_a_long_log() -> None:
    found = [estimate(seed, impressions=6_000).naive.interval() for seed in range(20)]

    assert not any(low <= WORLD.true_gain <= high for low, high in found)


def test_clipping_lowers_the_variance_of_ips_and_underestimates_the_gain() -> None:
    clipped = values("ips", clip=3.0)

    assert clipped.std() < values("ips").std()
    assert abs(clipped.mean() - WORLD.clipped_gain(3.0)) < margin(clipped)
    assert clipped.mean() < WORLD.true_gain - 10 * margin(clipped)


def test_clipping_counts_the_clicks_and_the_weight() -> None:
    log = simulate(WORLD, 0, IMPRESSIONS)
    found = estimate(0, clip=3.0)

    weights = 1 / PROPENSITIES[log.positions[log.clicked]]
    assert found.clicks == log.clicked.sum()
    assert found.clipped_clicks == (log.positions[log.clicked] >= 3).sum() > 0  # propensities 0.2 and 0.1
    assert found.clipped_weight == pytest.approx(1 - np.minimum(weights, 3).sum() / weights.sum())


def test_effective_sample_size_is_that_of_equal_weights() -> None:
    clicked, units = np.array([True, True, True, False]), np.arange(4)

    equal = estimate_gain(np.ones(4), clicked, np.full(4, 0.5), units)
    unequal = estimate_gain(np.ones(4), clicked, np.array([1.0, 1.0, 0.01, 1.0]), units)

    assert equal.effective_sample_size == 3
    assert unequal.effective_sample_size == pytest.approx(102**2 / (1 + 1 + 100**2))


def test_ips_without_the_number_of_relevant_items_is_a_gain_per_unit() -> None:
    clicked = np.array([True, False, False, True, False, False])
    found = estimate_gain(
        np.full(6, 0.5), clicked, np.array([0.5, 1, 1, 0.25, 1, 1]), np.array([0, 0, 1, 1, 2, 2]), relevant=None
    )

    assert found.ips.value == pytest.approx((0.5 / 0.5 + 0.5 / 0.25) / 3)
    # The units have the sums 1, 2 and 0: their standard deviation is 1.
    assert found.ips.standard_error == pytest.approx(1 / math.sqrt(3))


@given(
    clicks=st.lists(st.tuples(st.floats(0, 1), st.sampled_from([1.0, 0.5, 0.1])), min_size=1, max_size=20),
    factor=st.floats(0.1, 10.0),
)
def test_snips_does_not_depend_on_the_scale_of_the_propensities(
    clicks: list[tuple[float, float]], factor: float
) -> None:
    gains, propensities = (np.array(part) for part in zip(*clicks, strict=True))
    clicked, units = np.ones(len(clicks), np.bool_), np.arange(len(clicks))

    one, other = (estimate_gain(gains, clicked, propensities * scale, units).snips for scale in (1.0, factor))

    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("units", [np.zeros(0, np.int64), np.arange(3)])
def test_estimates_without_a_click_are_nan(units: npt.NDArray[Any]) -> None:
    nothing = np.zeros(len(units), np.bool_)

    found = estimate_gain(np.ones(len(units)), nothing, np.ones(len(units)), units)

    assert math.isnan(found.naive.value)
    assert math.isnan(found.snips.value)
    assert found.clicks == found.effective_sample_size == found.clipped_weight == 0


def test_propensity_of_an_item_without_a_click_does_not_matter() -> None:
    clicked, gains, units = np.array([True, False]), np.ones(2), np.arange(2)

    assert estimate_gain(gains, clicked, np.array([0.5, np.nan]), units).snips.value == 1.0

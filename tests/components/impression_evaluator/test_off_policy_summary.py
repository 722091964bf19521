"""Estimates with clicks that cannot be weighted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.impression_evaluator.off_policy_summary import ClickGains, summarize_gains

CLICKS = ClickGains(
    positions=np.array([0, 1, 2, 3]),
    users=np.array([0, 0, 1, 1]),
    gains={"model": np.array([1.0, 0.5, 0.25, 0.125])},
    impressions=10,
    all_users=4,
)


@pytest.mark.parametrize("missing", [None, 0.0])
def test_clicks_at_positions_without_a_propensity_are_left_out_and_counted(missing: float | None) -> None:
    found = summarize_gains(CLICKS, [1.0, missing, 0.5], clip=None)  # the fourth position has no number either

    assert (found["clicks"], found["clicks_without_propensity"]) == (2, 2)
    model = {name: value[0] for name, value in found["systems"]["model"].items()}
    assert model == pytest.approx({"naive": 1.25 / 2, "ips": 1.5 / 10, "snips": 1.5 / 3})


def test_estimates_without_any_click_have_no_value() -> None:
    found = summarize_gains(CLICKS, [None], clip=2.0)

    assert found["clicks"] == 0
    assert all(math.isnan(number) for each in found["systems"]["model"].values() for number in each)


def test_users_without_a_click_widen_the_interval_of_a_gain_of_an_impression() -> None:
    few, many = (
        summarize_gains(
            ClickGains(CLICKS.positions, CLICKS.users, CLICKS.gains, impressions=10, all_users=users), [1.0] * 4, None
        )["systems"]["model"]["ips"]
        for users in (2, 4)
    )

    # The sums by user are 1.5, 0.375 and 0 for the others; each differs from the mean by user.
    for users, (value, low, high) in ((2, few), (4, many)):
        sums = np.array([1.5, 0.375, 0.0, 0.0][:users])
        error = math.sqrt(users / (users - 1) * np.square(sums - sums.mean()).sum()) / 10
        assert (value, low, high) == pytest.approx((0.1875, 0.1875 - 1.96 * error, 0.1875 + 1.96 * error), abs=1e-4)

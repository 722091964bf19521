"""Naive, IPS and SNIPS estimates of the gain of a ranking, next to each other for several systems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.metrics import EstimatedGain, estimate_gain
from trainer.metrics.lists import Floats, Indices


@dataclass(frozen=True, eq=False)
class ClickGains:
    """The clicks of the test impressions, with their gains in the rankings of several systems.

    Args:
        positions: int64 [clicks], where the item was shown, from 0.
        users: int64 [clicks], the index of the user.
        gains: float64 [clicks] by system, 1 / log2(rank + 1).
        impressions: the number of impressions, with and without clicks.
        all_users: the number of their users.
    """

    positions: Indices
    users: Indices
    gains: Mapping[str, Floats]
    impressions: int
    all_users: int


def summarize_gains(clicks: ClickGains, propensities: Sequence[float | None], clip: float | None) -> dict[str, Any]:
    """Return the estimates of each system.

    A click at a position without a positive propensity cannot be weighted. It is left out of all three estimates, and
    counted.

    Args:
        clicks: the clicks.
        propensities: the propensity of each position, None without an estimate.
        clip: the greatest weight; None for no clipping.

    Returns:
        `clip`, counts, and for each of `systems` the estimates `naive`, `ips` and `snips` as value, low and high.
        `naive` and `snips` are gains of a click, `ips` is a gain of an impression.

    Example:
        >>> gains = {"model": np.array([1.0, 0.5])}
        >>> clicks = ClickGains(np.array([0, 1]), np.array([0, 1]), gains, impressions=4, all_users=2)
        >>> found = summarize_gains(clicks, [1.0, 0.25], clip=None)["systems"]["model"]
        >>> found["naive"][0], found["ips"][0], found["snips"][0]  # 1.5 / 2, 3 / 4 and 3 / 5
        (0.75, 0.75, 0.6)
    """
    by_position = np.array([np.nan if each is None else each for each in propensities] or [np.nan])
    known = clicks.positions < len(by_position)
    at_click = np.where(known, by_position[np.where(known, clicks.positions, 0)], np.nan)
    usable = at_click > 0
    # The estimator counts units by the greatest index: a row without a click stands for the last user.
    last = max(clicks.all_users - 1, 0)
    users, weights = np.append(clicks.users[usable], last), np.append(at_click[usable], 1.0)
    clicked = np.append(np.ones(int(usable.sum()), np.bool_), False)
    found = {
        system: estimate_gain(
            np.append(gains[usable], 0.0), clicked, weights, users, clip=clip, relevant=clicks.impressions
        )
        for system, gains in clicks.gains.items()
    }
    first = next(iter(found.values()))
    return {
        "clip": clip,
        "clicks": first.clicks,
        "clicks_without_propensity": int((~usable).sum()),
        "effective_sample_size": first.effective_sample_size,
        "clipped_clicks": first.clipped_clicks,
        "clipped_weight": first.clipped_weight,
        "systems": {
            system: {name: _interval(getattr(each, name), each.clicks) for name in ("naive", "ips", "snips")}
            for system, each in found.items()
        },
    }


def _interval(gain: EstimatedGain, clicks: int) -> tuple[float, float, float]:
    """Return value, low and high; NaN without a click, where the sum of IPS would be 0."""
    return (gain.value, *gain.interval()) if clicks else (math.nan, math.nan, math.nan)

"""The gate's checks on metrics: pure decisions on the results of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from components.evaluator.query_metrics import MODEL, PREVIOUS
from components.evaluator.query_results import Results
from components.evaluator.statistics import (
    CONFIDENCE,
    POWER,
    SMALLEST_GROUP,
    Difference,
    bonferroni_level,
    tarone_count,
)
from components.gate.verdict import GateCheck
from schemas.config.evaluation import GateConfig


def check_metrics(gate: GateConfig, results: Results, summary: dict[str, Any]) -> list[GateCheck]:
    """Check the number of users, floors, ceilings, baselines, and the previous model.

    Args:
        gate: the requirements.
        results: the values of every query.
        summary: the result of `components.evaluator.summary.summarize`.

    Returns:
        `min_users`, `floor[METRIC]`, `ceiling[METRIC]`, `beats[BASELINE]` and the checks of `check_regressions`.
    """
    return [
        _check_users(gate, summary),
        *_check_limits(gate, summary["systems"][MODEL]),
        *_check_baselines(gate, results),
        *check_regressions(gate, results),
    ]


def _check_users(gate: GateConfig, summary: dict[str, Any]) -> GateCheck:
    users = summary["users"]
    required = f"at least {gate.min_users:,}"
    return GateCheck("min_users", "users in the test split", f"{users:,}", required, users >= gate.min_users)


def _check_limits(gate: GateConfig, metrics: dict[str, Any]) -> Iterator[GateCheck]:
    for name, floor in gate.floors.items():
        value = _mean(metrics, name)
        yield GateCheck(f"floor[{name}]", name, f"{value:.4f}", f"at least {floor:g}", value >= floor)
    for name, ceiling in gate.ceilings.items():
        value = _mean(metrics, name)
        yield GateCheck(f"ceiling[{name}]", name, f"{value:.4f}", f"at most {ceiling:g}", value <= ceiling)


def check_impressions_of_test(gate: GateConfig, summary: dict[str, Any] | None) -> list[GateCheck]:
    """Check the metrics by impression.

    Args:
        gate: the requirements.
        summary: the result of `components.impression_evaluator.evaluate_impressions`; None without impressions, which
            the configuration allows only without floors.

    Returns:
        `impression_floor[METRIC]` for each floor.
    """
    checks = []
    for name, floor in gate.impression_floors.items():
        value = math.nan if summary is None else _mean(summary["systems"][MODEL], name)
        title, required = f"{name} of the test impressions", f"at least {floor:g}"
        checks.append(GateCheck(f"impression_floor[{name}]", title, f"{value:.4f}", required, value >= floor))
    return checks


def _mean(metrics: dict[str, Any], name: str) -> float:
    mean = metrics[name][0]
    return math.nan if mean is None else float(mean)


def _check_baselines(gate: GateConfig, results: Results) -> Iterator[GateCheck]:
    for baseline in gate.beat:
        difference = results.difference(MODEL, baseline, gate.metric)
        yield GateCheck(
            f"beats[{baseline}]",
            f"better than {baseline}",
            _measured(gate, difference, CONFIDENCE),
            "lower end of the interval above 0",
            difference.interval().low > 0,
            _power(difference, f"a difference of {difference.minimum_detectable_effect():.4f} is detected"),
        )


def check_regressions(gate: GateConfig, results: Results) -> Iterator[GateCheck]:
    """Check that the model is not worse than the previous one, overall and in each group of the gate's slices.

    Args:
        gate: the metric, the tolerance and the slices.
        results: the values of both models. Without a previous model the check passes, and says so.

    Yields:
        `no_regression`, and `no_regression[SLICE=GROUP]` for each group.
    """
    if PREVIOUS not in results.systems:
        id_, title = _regression_names("", "")
        yield GateCheck(id_, title, "no previous model", "no comparison for the first model", True)
        return
    groups = {("", ""): None} | {
        (slice_name, group): mask for slice_name in gate.slices for group, mask in results.groups[slice_name].items()
    }
    differences = {key: results.difference(MODEL, PREVIOUS, gate.metric, mask) for key, mask in groups.items()}
    tested = {key: found for key, found in differences.items() if not key[0] or found.users >= SMALLEST_GROUP}
    # A strict gate needs no correction, because all of its tests must pass (Berger 1982). Otherwise any group can fail.
    least_p_values = [found.least_p_value for (slice_name, _), found in tested.items() if slice_name]
    slice_level = CONFIDENCE if gate.strict else bonferroni_level(CONFIDENCE, tarone_count(least_p_values))
    for key, found in differences.items():
        id_, title = _regression_names(*key)
        if key in tested:
            yield _check_regression(gate, id_, title, found, slice_level if key[0] else CONFIDENCE)
        else:
            yield GateCheck(id_, title, f"{found.users} users", "not tested: too few users", True)


def _regression_names(slice_name: str, group: str) -> tuple[str, str]:
    id_, title = "no_regression", "no regression against the previous model"
    return (f"{id_}[{slice_name}={group}]", f"{title} in {slice_name} {group}") if slice_name else (id_, title)


def _check_regression(gate: GateConfig, id_: str, title: str, found: Difference, level: float) -> GateCheck:
    interval, lowest, detectable = found.interval(level), 0.0 - gate.tolerance, found.minimum_detectable_effect(level)
    if gate.strict:
        passed, required = interval.low > lowest, f"lower end of the interval above {lowest:g}"
        power = f"an equal model passes with a tolerance of {detectable:.4f}"
    else:
        passed, required = interval.high >= lowest, f"upper end of the interval at least {lowest:g}"
        power = f"a loss of {gate.tolerance + detectable:.4f} is detected"
    return GateCheck(id_, title, _measured(gate, found, level), required, passed, _power(found, power))


def _measured(gate: GateConfig, found: Difference, level: float) -> str:
    mean, low, high = found.interval(level)
    return f"{gate.metric} {mean:+.4f}, {100 * level:.4g}% interval from {low:+.4f} to {high:+.4f}"


def _power(found: Difference, detected: str) -> str:
    """Return the sentence on the power of a test with this many users."""
    if found.error == 0:
        return f"{found.users:,} users, all with the same difference"
    return f"{found.users:,} users: {detected} with a power of {POWER:.0%}"

"""The gate's checks: pure decisions on what an evaluation found. Each says what was measured and what is required."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.evaluator.query_metrics import MODEL, PREVIOUS
from components.evaluator.query_results import Results
from components.evaluator.statistics import CONFIDENCE, SMALLEST_GROUP, Difference, bonferroni_level, tarone_count
from schemas.config.evaluation import GateConfig


@dataclass(frozen=True)
class GateCheck:
    """One of the gate's questions.

    Args:
        name: what it is about.
        measured: what was found.
        required: what it had to be.
        passed: whether it was.
        note: what else a reader should know.
    """

    name: str
    measured: str
    required: str
    passed: bool
    note: str = ""


def judge(gate: GateConfig, results: Results, summary: dict[str, Any]) -> list[GateCheck]:
    """The checks on metrics.

    Args:
        gate: what is required.
        results: every query's values.
        summary: of `components.evaluator.summary.summarize`.
    """
    return [
        _enough_users(gate, summary),
        *_limits(gate, summary["systems"][MODEL]),
        *_beaten(gate, results),
        *no_loss(gate, results),
    ]


def _enough_users(gate: GateConfig, summary: dict[str, Any]) -> GateCheck:
    users = summary["users"]
    return GateCheck("users", f"{users:,} in the test split", f"at least {gate.min_users:,}", users >= gate.min_users)


def _limits(gate: GateConfig, metrics: dict[str, Any]) -> Iterator[GateCheck]:
    for name, floor in gate.floors.items():
        value = _value(metrics, name)
        yield GateCheck(name, f"{value:.4f}", f"at least {floor:g}", value >= floor)
    for name, ceiling in gate.ceilings.items():
        value = _value(metrics, name)
        yield GateCheck(name, f"{value:.4f}", f"at most {ceiling:g}", value <= ceiling)


def _value(metrics: dict[str, Any], name: str) -> float:
    mean = metrics[name][0]
    return math.nan if mean is None else float(mean)


def _beaten(gate: GateConfig, results: Results) -> Iterator[GateCheck]:
    for baseline in gate.beat:
        found = results.difference(MODEL, baseline, gate.metric)
        measured, passed = _measured(gate, found, CONFIDENCE), found.interval().low > 0
        power = _power(found, f"a difference of {found.detectable():.4f} would be seen")
        yield GateCheck(f"better than {baseline}", measured, "all of the interval above 0", passed, power)


def no_loss(gate: GateConfig, results: Results) -> Iterator[GateCheck]:
    """Whether nothing is lost against the previous model, overall and in each group of the gate's slices.

    Args:
        gate: the metric, the tolerance, the slices.
        results: values of both models; without a previous one the check passes, and says so.
    """
    name = "no loss against the last blessed model"
    if PREVIOUS not in results.systems:
        yield GateCheck(name, "no model was blessed before", "nothing to compare with", True)
        return
    groups = {"": None} | {
        f" in {slice_name} {group}": mask
        for slice_name in gate.slices
        for group, mask in results.groups[slice_name].items()
    }
    differences = {where: results.difference(MODEL, PREVIOUS, gate.metric, mask) for where, mask in groups.items()}
    decided = {where: found for where, found in differences.items() if not where or found.users >= SMALLEST_GROUP}
    # What must be shown everywhere needs no correction; what may be shown in any slice does (Berger 1982).
    least_p_values = [found.least_p_value for where, found in decided.items() if where]
    in_slices = CONFIDENCE if gate.strict else bonferroni_level(CONFIDENCE, tarone_count(least_p_values))
    for where, found in differences.items():
        yield (
            _not_worse(gate, name + where, found, in_slices if where else CONFIDENCE)
            if where in decided
            else GateCheck(name + where, f"{found.users} users", "not judged: too few users", True)
        )


def _not_worse(gate: GateConfig, name: str, found: Difference, level: float) -> GateCheck:
    interval, lost = found.interval(level), -gate.tolerance
    passed = interval.low > lost if gate.strict else interval.high >= lost
    required = f"{'all of the interval above' if gate.strict else 'not all of the interval below'} {lost:g}"
    least = found.detectable(level)
    what = (
        f"an equal model would pass with a tolerance of {least:.4f}"
        if gate.strict
        else f"a difference of {gate.tolerance + least:.4f} would be seen"
    )
    return GateCheck(name, _measured(gate, found, level), required, passed, _power(found, what))


def _measured(gate: GateConfig, found: Difference, level: float) -> str:
    mean, low, high = found.interval(level)
    return f"{gate.metric} {mean:+.4f}, {100 * level:.4g} % between {low:+.4f} and {high:+.4f}"


def _power(found: Difference, what: str) -> str:
    """What is so in four of five tries (`components.evaluator.statistics.POWER`) on as many users."""
    if found.error == 0:
        return f"{found.users:,} users, all with the same difference"
    return f"{found.users:,} users: {what} in four of five tries"

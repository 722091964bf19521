"""What came of a run, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class VerdictText(NamedTuple):
    """How a report opens."""

    blessed: bool
    sentence: str
    beside: str  # the model blessed before; empty where there was none


def verdict(record: Mapping[str, Any]) -> VerdictText:
    """Sums up a record.

    Args:
        record: what `run.json` holds.
    """
    gate, metric = record["gate"], record["config"]["evaluate"]["gate"]["metric"]
    measured = f"{_measured(record['metrics'], metric)}{_beside_baselines(record['metrics'], metric)}"
    if gate["blessed"]:
        pushed = record["pushed"]
        done = f"Blessed and pushed as version {pushed['version']}" if pushed else "Blessed"
        return VerdictText(True, f"{done}: {measured}.", _beside_previous(record["metrics"], metric))
    return VerdictText(False, f"{_refused(gate['checks'])} {measured}.", _beside_previous(record["metrics"], metric))


def in_words(name: str) -> str:
    """A name of the code for people."""
    return name.replace("_", " ")


def _measured(metrics: Mapping[str, Any], metric: str) -> str:
    if metric not in metrics["test"]:
        return f"{metric} was measured of no query"
    value = f"{metric} is {metrics['test'][metric]:.4f}"
    if metric not in metrics["intervals"]:
        return value
    low, high = metrics["intervals"][metric]
    return f"{value} (95 % between {low:.4f} and {high:.4f})"


def _beside_baselines(metrics: Mapping[str, Any], metric: str) -> str:
    values = {name: found[metric] for name, found in metrics["baselines"].items() if metric in found}
    if metric not in metrics["test"] or not values:
        return ""
    best = max(values, key=lambda name: values[name])
    if not values[best]:
        return ", and no baseline finds anything"
    return f", {metrics['test'][metric] / values[best]:.2f} times the best baseline ({in_words(best)})"


def _beside_previous(metrics: Mapping[str, Any], metric: str) -> str:
    previous = (metrics["previous"] or {}).get(metric)
    return "" if previous is None else f"On the same test split the model blessed before has {previous:.4f}."


def _refused(checks: list[dict[str, Any]]) -> str:
    failed = [check for check in checks if not check["passed"]]
    first = failed[0]
    more = f"; {len(failed) - 1} more of {len(checks)} checks failed" if len(failed) > 1 else ""
    return (
        f"Refused: {in_words(first['title'])}: {first['measured']}; required: {first['required']}{more}. "
        "What was served before stays. Of the refused model"
    )

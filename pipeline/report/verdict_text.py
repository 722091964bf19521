"""The result of a run in one or two sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class VerdictText(NamedTuple):
    """The first lines of a report.

    Args:
        blessed: whether the gate blessed the model.
        sentence: the verdict and the gate's metric.
        previous: a sentence on the model blessed before; empty if there is none.
    """

    blessed: bool
    sentence: str
    previous: str


def verdict(record: Mapping[str, Any]) -> VerdictText:
    """Summarize a run.

    Args:
        record: the content of `run.json`.

    Returns:
        The first lines of its report.
    """
    gate, metric = record["gate"], record["config"]["evaluate"]["gate"]["metric"]
    measured = f"{_measured(record['metrics'], metric)}{_against_baselines(record['metrics'], metric)}"
    if gate["blessed"]:
        pushed = record["pushed"]
        done = f"Blessed and pushed as version {pushed['version']}" if pushed else "Blessed"
        return VerdictText(True, f"{done}: {measured}.", _previous(record["metrics"], metric))
    return VerdictText(False, f"{_refused(gate['checks'])} {measured}.", _previous(record["metrics"], metric))


def in_words(name: str) -> str:
    """Return a name of the code for people: spaces instead of underscores."""
    return name.replace("_", " ")


def _measured(metrics: Mapping[str, Any], metric: str) -> str:
    if metric not in metrics["test"]:
        return f"{metric} was not measured"
    value = f"{metric} is {metrics['test'][metric]:.4f}"
    if metric not in metrics["intervals"]:
        return value
    low, high = metrics["intervals"][metric]
    return f"{value} (95% interval {low:.4f} to {high:.4f})"


def _against_baselines(metrics: Mapping[str, Any], metric: str) -> str:
    values = {name: found[metric] for name, found in metrics["baselines"].items() if metric in found}
    if metric not in metrics["test"] or not values:
        return ""
    best = max(values, key=lambda name: values[name])
    if not values[best]:
        return ", and all baselines have 0"
    return f", {metrics['test'][metric] / values[best]:.2f} times the best baseline ({in_words(best)})"


def _previous(metrics: Mapping[str, Any], metric: str) -> str:
    previous = (metrics["previous"] or {}).get(metric)
    return "" if previous is None else f"The served model has {previous:.4f} on the same test split."


def _refused(checks: list[dict[str, Any]]) -> str:
    failed = [check for check in checks if not check["passed"]]
    first = failed[0]
    more = f"; {len(failed) - 1} more of {len(checks)} checks failed" if len(failed) > 1 else ""
    return (
        f"Refused: {in_words(first['title'])}: {first['measured']}; required: {first['required']}{more}. "
        "The served model does not change. For the refused model,"
    )

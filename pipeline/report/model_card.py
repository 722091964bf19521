"""The sentences of the model card on limits and fairness, from the measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.evaluator.query_metrics import MODEL
from components.evaluator.statistics import SMALLEST_GROUP
from pipeline.report.attention import saturation
from pipeline.report.gather import RunReport
from pipeline.report.verdict_text import in_words

_REFITS = {  # by `train.refit`
    "counts": "its co-occurrence counts and popularities were computed",
    "full": "its counts were computed and its network was trained",
}


def training_data(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences on the interactions that the judged model and the pushed model have learned from.

    Args:
        record: the content of `run.json`.

    Yields:
        One or two sentences.
    """
    judged, pushed = record["served"]["judged"], record["served"]["pushed"]
    yield f"All metrics are those of the judged model, which was trained on {_extent(judged)}."
    if pushed and (changed := _REFITS.get(record["served"]["refit"])):
        yield f"Before the push, {changed} anew from {_extent(pushed)}, with nothing held out."


def _extent(trained_on: Mapping[str, Any]) -> str:
    until = f" until {trained_on['until'][:10]}" if trained_on["until"] else ""
    return f"{trained_on['targets']:,} next items{until}"


def limits(report: RunReport) -> Iterator[str]:
    """Yield sentences on weak points of the model, and on limits of the measurements.

    Args:
        report: the content of the report.

    Yields:
        One or two sentences.
    """
    if report.attention and report.attention.saturated:
        yield saturation(report.attention)
    coverage = report.summary["systems"][MODEL].get(f"coverage@{report.k}")
    if coverage and coverage[0] is not None:
        yield (
            f"{100 * (1 - coverage[0]):.0f}% of the {len(report.items):,} items are never recommended in the test "
            f"split, in lists of {report.k}."
        )
    untrained = int((report.items.interactions == 0).sum())
    if untrained:
        yield (
            f"{untrained:,} of the {len(report.items):,} items are not a target in training. The model has almost no "
            "information about them."
        )
    yield "Items outside the log are never recommended. Train again to add new items."
    for name in ("target_popularity", "activity", "history_length"):
        ends = extremes(report.summary["slices"].get(name, {}), report.metric)
        if ends:
            (worst, low), (best, high) = ends
            yield (
                f"By {in_words(name)}, {report.metric} is lowest for “{worst}” ({low:.4f}) and highest for "
                f"“{best}” ({high:.4f})."
            )
    yield (
        "All metrics come from logged interactions. Only an experiment shows how users react to these recommendations."
    )
    yield (
        "Intervals show how much a metric varies with other users of the same kind. They do not cover other times, or "
        "another training with other initial weights."
    )


def extremes(groups: Mapping[str, Any], metric: str) -> list[tuple[str, float]]:
    """Return the worst and the best group among those with enough users.

    Args:
        groups: the groups of a slice.
        metric: the metric to compare.

    Returns:
        Name and mean of both groups. Empty if fewer than two groups have enough users.
    """
    means = sorted(
        (group["metrics"][metric][0], name)
        for name, group in groups.items()
        if group["users"] >= SMALLEST_GROUP and group["metrics"][metric][0] is not None
    )
    return [(name, mean) for mean, name in (means[0], means[-1])] if len(means) > 1 else []


def fairness(report: RunReport) -> Iterator[str]:
    """Yield one sentence for each slice in `evaluate.fairness`.

    Args:
        report: the content of the report.

    Yields:
        A sentence that compares the worst group with the best.
    """
    for name, ratios in report.summary["fairness"].items():
        ratio = ratios.get(report.metric)
        if ratio is None or ratio[0] is None:
            yield (
                f"By {in_words(name)}: {report.metric} cannot be compared, because fewer than two groups have "
                f"{SMALLEST_GROUP} users."
            )
            continue
        between = "" if None in ratio else f" (95% interval {ratio[1]:.2f} to {ratio[2]:.2f})"
        yield (
            f"By {in_words(name)}: {report.metric} of the worst group is {ratio[0]:.2f} times that of the best"
            f"{between}."
        )

"""What the model card says of limits and fairness, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.evaluator.query_metrics import MODEL
from components.evaluator.statistics import SMALLEST_GROUP
from pipeline.report.gather import RunReport
from pipeline.report.verdict_text import in_words


def limits(report: RunReport) -> Iterator[str]:
    """Sentences on where the figures are low, and on what they do not say."""
    coverage = report.summary["systems"][MODEL].get(f"coverage@{report.k}")
    if coverage and coverage[0] is not None:
        yield (
            f"{100 * (1 - coverage[0]):.0f} % of the {len(report.items):,} items are recommended to nobody in the "
            f"test split, in lists of {report.k}."
        )
    untrained = int((report.items.interactions == 0).sum())
    if untrained:
        yield (
            f"{untrained:,} of the {len(report.items):,} items are no target in training: the model has "
            "hardly anything to recommend them by."
        )
    yield "An item that is not in the log is never recommended: train again to take in new ones."
    for name in ("target_popularity", "activity", "history_length"):
        ends = extremes(report.summary["slices"].get(name, {}), report.metric)
        if ends:
            (worst, low), (best, high) = ends
            yield (
                f"By {in_words(name)}, {report.metric} is lowest for “{worst}” ({low:.4f}) and highest for "
                f"“{best}” ({high:.4f})."
            )
    yield (
        "All of this was measured on logged interactions: what users would have done, had these items been shown to "
        "them, only an experiment can tell."
    )
    yield (
        "Intervals say how much a figure would vary with other users of the same kind. They say nothing of other "
        "times, or of training again from other starting weights."
    )


def extremes(groups: Mapping[str, Any], metric: str) -> list[tuple[str, float]]:
    """The worst and the best group with enough users, and their means; none where there are not two."""
    means = sorted(
        (group["metrics"][metric][0], name)
        for name, group in groups.items()
        if group["users"] >= SMALLEST_GROUP and group["metrics"][metric][0] is not None
    )
    return [(name, mean) for mean, name in (means[0], means[-1])] if len(means) > 1 else []


def fairness(report: RunReport) -> Iterator[str]:
    """A sentence for each slice that is looked at for fairness."""
    for name, ratios in report.summary["fairness"].items():
        ratio = ratios.get(report.metric)
        if ratio is None or ratio[0] is None:
            yield (
                f"By {in_words(name)}: there are not two groups of {SMALLEST_GROUP} users or more"
                f" whose {report.metric} can be compared."
            )
            continue
        between = "" if None in ratio else f", 95 % between {ratio[1]:.2f} and {ratio[2]:.2f}"
        yield (
            f"By {in_words(name)}: the worst group has {ratio[0]:.2f} times the {report.metric} of the best{between}."
        )

"""Drift: differences between the training data and the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pipeline.report.items import Counts
from pipeline.report.lengths import HistoryLengths
from schemas.features import TEST, TRAIN

_DRAWS = 20


class SplitDrift(NamedTuple):
    """One difference between the splits.

    Args:
        quantity: the compared quantity.
        value: the difference.
        definition: how the difference is measured.
    """

    quantity: str
    value: str
    definition: str


def drift(
    trained: Counts, targets: Counts, summary: Mapping[str, Any], lengths: Mapping[str, HistoryLengths]
) -> list[SplitDrift]:
    """Compare the test split with the training data.

    Args:
        trained: the number of interactions of each item in training, [n].
        targets: the number of test targets of each item, [n].
        summary: the summary of the evaluation.
        lengths: the lengths of the histories, by split.

    Returns:
        The differences that can be measured.
    """
    count = int(targets.sum())
    found = []
    if count and trained.sum():
        distance, chance = distances(trained, targets)
        found.append(
            SplitDrift(
                "item popularity",
                f"{distance:.2f}; {chance:.2f} expected by chance",
                "Total variation distance from 0 to 1: the fraction of test targets that would have to change to "
                "another item to have the item popularity of training. Chance: the same number of targets drawn "
                f"from the popularity in training, mean of {_DRAWS} draws.",
            )
        )
    if count:
        new = int(targets[trained == 0].sum())
        found.append(
            SplitDrift(
                "new items", f"{100 * new / count:.2f}% of the test targets", "Items that are not a target in training."
            )
        )
    if summary["queries"]:
        new = summary["slices"]["activity"].get("new", {"queries": 0})["queries"]
        found.append(
            SplitDrift(
                "new users",
                f"{100 * new / summary['queries']:.2f}% of the test queries",
                "Queries of users without interactions in training.",
            )
        )
    if {TRAIN, TEST} <= lengths.keys():
        before, now = lengths[TRAIN], lengths[TEST]
        found.append(
            SplitDrift(
                "history length",
                f"median {now.median:g} in test, {before.median:g} in training",
                "Interactions that the model reads, from StatisticsGen. A long history is one example in test, "
                "and several windows in training.",
            )
        )
    return found


def distances(trained: Counts, targets: Counts, seed: int = 1) -> tuple[float, float]:
    """Return the total variation distance of two distributions over items, and the distance expected by chance.

    Args:
        trained: the counts of the first distribution, [n].
        targets: the counts of the second distribution, [n].
        seed: the seed of the draws.

    Returns:
        The distance, and the mean distance of samples from the first distribution.
    """
    expected = trained / trained.sum()
    generator = np.random.Generator(np.random.Philox(seed))
    drawn = generator.multinomial(targets.sum(), expected, size=_DRAWS)
    found, *by_chance = (0.5 * np.abs(row / max(row.sum(), 1) - expected).sum() for row in (targets, *drawn))
    return float(found), float(np.mean(by_chance))

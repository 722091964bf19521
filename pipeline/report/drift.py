"""How far the test split is from what was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pipeline.report.items import Counts
from pipeline.report.lengths import Lengths
from schemas.features import TEST, TRAIN

_DRAWS = 20


class Drift(NamedTuple):
    """One comparison."""

    of: str
    found: str
    measured: str  # how


def drift(trained: Counts, targets: Counts, summary: Mapping[str, Any], lengths: Mapping[str, Lengths]) -> list[Drift]:
    """What has changed between the splits.

    Args:
        trained: how often each item was interacted with in training, [n].
        targets: how often it is to be found in test, [n].
        summary: of the evaluation.
        lengths: of the histories, by split.
    """
    count = int(targets.sum())
    found = []
    if count and trained.sum():
        distance, chance = distances(trained, targets)
        found.append(
            Drift(
                "popularity of items",
                f"{distance:.2f}; {chance:.2f} if chance alone were at work",
                "Share of interactions that would have to move from one item to another to make the popularities "
                "of test targets those of training (total variation), 0 to 1. Chance: as many targets drawn by the "
                f"popularities of training, mean of {_DRAWS} draws.",
            )
        )
    if count:
        new = int(targets[trained == 0].sum())
        found.append(
            Drift(
                "new items", f"{100 * new / count:.2f} % of the test targets", "Items that are no target in training."
            )
        )
    if summary["queries"]:
        new = summary["slices"]["activity"].get("new", {"queries": 0})["queries"]
        found.append(
            Drift(
                "new users",
                f"{100 * new / summary['queries']:.2f} % of the test queries",
                "Queries of users who have no interaction in training.",
            )
        )
    if {TRAIN, TEST} <= lengths.keys():
        before, now = lengths[TRAIN], lengths[TEST]
        found.append(
            Drift(
                "length of histories",
                f"median {now.median:g} in test, {before.median:g} in training",
                "Interactions that the model reads, from StatisticsGen. A long history is one example of test, "
                "and several windows of training.",
            )
        )
    return found


def distances(trained: Counts, targets: Counts, seed: int = 1) -> tuple[float, float]:
    """The total variation distance of two distributions over items, and the one that chance alone would give.

    Args:
        trained: counts that the first is made of, [n].
        targets: counts that the second is made of, [n].
        seed: of the draws.
    """
    expected = trained / trained.sum()
    generator = np.random.Generator(np.random.Philox(seed))
    drawn = generator.multinomial(targets.sum(), expected, size=_DRAWS)
    found, *by_chance = (0.5 * np.abs(row / max(row.sum(), 1) - expected).sum() for row in (targets, *drawn))
    return float(found), float(np.mean(by_chance))

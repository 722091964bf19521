"""Every metric against a second implementation of its definition: one list at a time, in plain Python."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.lists import any_lists
from trainer.metrics import CATALOGUE_METRICS, METRICS, count_exposures
from trainer.metrics.lists import Catalogue, Lists

KS = st.integers(1, 16)


@dataclass(frozen=True)
class Case:
    """A list cut to its first k items, with its user and the catalogue."""

    items: Sequence[str]
    k: int
    targets: set[str]
    seen: set[str]
    interactions: Mapping[str, int]
    users: Mapping[str, int]
    catalogue: Catalogue

    @property
    def ranks(self) -> list[int]:
        """Ranks of the hits, from 1."""
        return [rank for rank, item in enumerate(self.items, 1) if item in self.targets]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def of_targets(value: Callable[[Case], float]) -> Callable[[Case], float]:
    """Return NaN without a target."""
    return lambda case: value(case) if case.targets else math.nan


def ndcg(case: Case) -> float:
    best = range(1, min(len(case.targets), case.k) + 1)
    gained, possible = (sum(1 / math.log2(rank + 1) for rank in ranks) for ranks in (case.ranks, best))
    return gained / possible


def average_precision(case: Case) -> float:
    return sum(hits / rank for hits, rank in enumerate(case.ranks, 1)) / len(case.targets)


def popularity(case: Case) -> float:
    of_average_item = max(sum(case.interactions.values()), 1) / len(case.interactions)
    return mean([case.interactions.get(item, 0) / of_average_item for item in case.items])


def novelty(case: Case) -> float:
    fractions = [max(case.users.get(item, 0), 1) / case.catalogue.all_users for item in case.items]
    return mean([-math.log2(fraction) for fraction in fractions])


def serendipity(case: Case) -> float:
    """Compare ranks in the list and ranks by popularity, each scaled from 1 for the first down to 1 / items."""
    popular = sorted({count for count in case.interactions.values() if count}, reverse=True)
    items = len(case.interactions)
    gained = 0.0
    for rank in case.ranks:
        count = case.interactions.get(case.items[rank - 1], 0)
        expected = (items - popular.index(count)) / items if count else 0
        gained += max((items + 1 - rank) / items - expected, 0)
    return gained / case.k


def diversity(case: Case) -> float:
    rows = [list(case.interactions).index(item) for item in case.items if item in case.interactions]
    return mean([distance(case.catalogue, *pair) for pair in itertools.combinations(rows, 2)])


def distance(catalogue: Catalogue, one: int, other: int) -> float:
    if catalogue.categories is not None:
        first, second = (set(np.flatnonzero(catalogue.categories.toarray()[row]).tolist()) for row in (one, other))
        return 1 - len(first & second) / len(first | second) if first | second else 1.0
    if catalogue.vectors is not None:
        first, second = catalogue.vectors[one].tolist(), catalogue.vectors[other].tolist()
        product, lengths = (
            sum(a * b for a, b in zip(first, second, strict=True)),
            math.hypot(*first) * math.hypot(*second),
        )
        return 1 - product / lengths if lengths else 1.0
    return math.nan


ORACLES: Mapping[str, Callable[[Case], float]] = {
    "recall": of_targets(lambda case: len(case.ranks) / len(case.targets)),
    "ndcg": of_targets(ndcg),
    "mrr": of_targets(lambda case: 1 / case.ranks[0] if case.ranks else 0),
    "precision": of_targets(lambda case: len(case.ranks) / case.k),
    "hit_rate": of_targets(lambda case: float(bool(case.ranks))),
    "map": of_targets(average_precision),
    "popularity": popularity,
    "novelty": novelty,
    "diversity": diversity,
    "serendipity": of_targets(serendipity),
    "repeats": lambda case: mean([item in case.seen for item in case.items]),
}


def coverage(shown: Counter[str], items: Sequence[str]) -> float:
    return len(shown) / len(items)


def gini(shown: Counter[str], items: Sequence[str]) -> float:
    """Return half the mean difference between any two items, divided by the mean."""
    counts = [shown[item] for item in items]
    differences = [abs(one - other) for one in counts for other in counts]
    return mean(differences) / (2 * mean(counts)) if sum(counts) else math.nan


CATALOGUE_ORACLES: Mapping[str, Callable[[Counter[str], Sequence[str]], float]] = {"coverage": coverage, "gini": gini}


def recommended(lists: Lists, k: int) -> list[list[str]]:
    return [[item for item in row[:k] if item] for row in lists.ranked.tolist()]


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=200)
@given(some=any_lists(), k=KS)
def test_metric_of_lists_equals_its_definition(name: str, some: Lists, k: int) -> None:
    known = some.catalogue
    interactions, users = (
        dict(zip(known.items.tolist(), counts.tolist(), strict=True)) for counts in (known.interactions, known.users)
    )
    expected = [
        ORACLES[name](Case(items, k, set(targets), set(seen), interactions, users, known))
        for items, targets, seen in zip(recommended(some, k), some.targets, some.histories, strict=True)
    ]
    assert METRICS[name](k)(some).tolist() == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", CATALOGUE_METRICS)
@settings(max_examples=200)
@given(some=any_lists(), k=KS)
def test_metric_of_the_catalogue_equals_its_definition(name: str, some: Lists, k: int) -> None:
    items = some.catalogue.items.tolist()
    shown = Counter(item for row in recommended(some, k) for item in row if item in items)
    found = CATALOGUE_METRICS[name](k)(count_exposures(some.indices, k, len(items)))
    assert float(found) == pytest.approx(CATALOGUE_ORACLES[name](shown, items), abs=1e-9, nan_ok=True)

"""Every metric beside another way of computing it: a list at a time, in plain Python, as its definition reads."""

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
class Asked:
    """A list cut to its first k items, and what is known of its user and of all items."""

    items: Sequence[str]
    k: int
    targets: set[str]
    seen: set[str]
    interactions: Mapping[str, int]
    users: Mapping[str, int]
    catalogue: Catalogue

    @property
    def ranks(self) -> list[int]:
        """Of the hits, from 1."""
        return [rank for rank, item in enumerate(self.items, 1) if item in self.targets]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def of_targets(value: Callable[[Asked], float]) -> Callable[[Asked], float]:
    """No value without a target."""
    return lambda asked: value(asked) if asked.targets else math.nan


def ndcg(asked: Asked) -> float:
    best = range(1, min(len(asked.targets), asked.k) + 1)
    gained, possible = (sum(1 / math.log2(rank + 1) for rank in ranks) for ranks in (asked.ranks, best))
    return gained / possible


def average_precision(asked: Asked) -> float:
    return sum(hits / rank for hits, rank in enumerate(asked.ranks, 1)) / len(asked.targets)


def popularity(asked: Asked) -> float:
    of_average_item = max(sum(asked.interactions.values()), 1) / len(asked.interactions)
    return mean([asked.interactions.get(item, 0) / of_average_item for item in asked.items])


def novelty(asked: Asked) -> float:
    shares = [max(asked.users.get(item, 0), 1) / asked.catalogue.all_users for item in asked.items]
    return mean([-math.log2(share) for share in shares])


def serendipity(asked: Asked) -> float:
    """By the items' places in the list and in the order of popularity, from 1 for the first down to 1 / items."""
    popular = sorted({count for count in asked.interactions.values() if count}, reverse=True)
    items = len(asked.interactions)
    gained = 0.0
    for rank in asked.ranks:
        count = asked.interactions.get(asked.items[rank - 1], 0)
        expected = (items - popular.index(count)) / items if count else 0
        gained += max((items + 1 - rank) / items - expected, 0)
    return gained / asked.k


def diversity(asked: Asked) -> float:
    rows = [list(asked.interactions).index(item) for item in asked.items if item in asked.interactions]
    return mean([distance(asked.catalogue, *pair) for pair in itertools.combinations(rows, 2)])


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


ORACLES: Mapping[str, Callable[[Asked], float]] = {
    "recall": of_targets(lambda asked: len(asked.ranks) / len(asked.targets)),
    "ndcg": of_targets(ndcg),
    "mrr": of_targets(lambda asked: 1 / asked.ranks[0] if asked.ranks else 0),
    "precision": of_targets(lambda asked: len(asked.ranks) / asked.k),
    "hit_rate": of_targets(lambda asked: float(bool(asked.ranks))),
    "map": of_targets(average_precision),
    "popularity": popularity,
    "novelty": novelty,
    "diversity": diversity,
    "serendipity": of_targets(serendipity),
    "repeats": lambda asked: mean([item in asked.seen for item in asked.items]),
}


def coverage(shown: Counter[str], items: Sequence[str]) -> float:
    return len(shown) / len(items)


def gini(shown: Counter[str], items: Sequence[str]) -> float:
    """Half the mean difference between any two items, in means."""
    counts = [shown[item] for item in items]
    differences = [abs(one - other) for one in counts for other in counts]
    return mean(differences) / (2 * mean(counts)) if sum(counts) else math.nan


CATALOGUE_ORACLES: Mapping[str, Callable[[Counter[str], Sequence[str]], float]] = {"coverage": coverage, "gini": gini}


def recommended(lists: Lists, k: int) -> list[list[str]]:
    return [[item for item in row[:k] if item] for row in lists.ranked.tolist()]


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=200)
@given(some=any_lists(), k=KS)
def test_a_metric_of_a_list_is_what_its_definition_says(name: str, some: Lists, k: int) -> None:
    known = some.catalogue
    interactions, users = (
        dict(zip(known.items.tolist(), counts.tolist(), strict=True)) for counts in (known.interactions, known.users)
    )
    expected = [
        ORACLES[name](Asked(items, k, set(targets), set(seen), interactions, users, known))
        for items, targets, seen in zip(recommended(some, k), some.targets, some.histories, strict=True)
    ]
    assert METRICS[name](k)(some).tolist() == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", CATALOGUE_METRICS)
@settings(max_examples=200)
@given(some=any_lists(), k=KS)
def test_a_metric_of_all_lists_is_what_its_definition_says(name: str, some: Lists, k: int) -> None:
    items = some.catalogue.items.tolist()
    shown = Counter(item for row in recommended(some, k) for item in row if item in items)
    found = CATALOGUE_METRICS[name](k)(count_exposures(some.indices, k, len(items)))
    assert float(found) == pytest.approx(CATALOGUE_ORACLES[name](shown, items), abs=1e-9, nan_ok=True)

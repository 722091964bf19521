"""Metrics of recommended lists over a whole catalogue, one value a user. NumPy only.

A list ranks the whole catalogue, so no candidate is left out. Two kinds of metrics:

- a `Metric` gives every list a value, NaN where it has none (no target, no
  item), and is averaged over the lists that have one
- a `CatalogueMetric` gives one number to how often each item is recommended
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.metrics.item_distance import mean_distance
from trainer.metrics.lists import Floats, Lists


@dataclass(frozen=True)
class Metric(ABC):
    """A value for each list, from its first k items."""

    k: int

    def __call__(self, lists: Lists) -> Floats:
        """The values, [n]; NaN where a list has none."""
        return self._values(lists)

    @abstractmethod
    def _values(self, lists: Lists) -> Floats: ...


class Recall(Metric):
    """The share of the targets that is recommended."""

    def _values(self, lists: Lists) -> Floats:
        return _share(_hits(self, lists).sum(axis=1), lists.relevant)


class Precision(Metric):
    """The share of the k places that a target stands in."""

    def _values(self, lists: Lists) -> Floats:
        return _with_target(lists, _hits(self, lists).sum(axis=1) / self.k)


class HitRate(Metric):
    """1 where any target is recommended, else 0."""

    def _values(self, lists: Lists) -> Floats:
        return _with_target(lists, (_hits(self, lists).sum(axis=1) > 0).astype(np.float64))


class NDCG(Metric):
    """Normalized discounted cumulative gain with gains of 1 (Järvelin and Kekäläinen 2002).

    The sum over the hits of 1 / log2(rank + 1), ranks counted from 1, divided
    by that of a list whose first places are the targets.
    """

    def _values(self, lists: Lists) -> Floats:
        gains = 1.0 / np.log2(np.arange(2, self.k + 2))
        ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(lists.relevant, self.k)]
        hits = _hits(self, lists)
        return _share(hits @ gains[: hits.shape[1]], ideal)


class MRR(Metric):
    """1 / rank of the first hit; 0 without one."""

    def _values(self, lists: Lists) -> Floats:
        hits = _hits(self, lists)
        ranks = 1.0 / np.arange(1, hits.shape[1] + 1)
        return _with_target(lists, (hits * ranks).max(axis=1, initial=0.0))


class MAP(Metric):
    """Average precision: the sum over the hits of the precision up to each, divided by the number of targets."""

    def _values(self, lists: Lists) -> Floats:
        hits = _hits(self, lists)
        precisions = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
        return _share((hits * precisions).sum(axis=1), lists.relevant)


class MeanPopularity(Metric):
    """The mean of the recommended items' interactions, in multiples of the average item's."""

    def _values(self, lists: Lists) -> Floats:
        interactions = lists.catalogue.interactions
        mean = max(interactions.sum(), 1) / max(len(interactions), 1)
        return _mean_over_items(self, lists, interactions / mean, unknown=0.0)


class Novelty(Metric):
    """The mean self-information of the recommended items, in bits (Zhou et al. 2010).

    That of an item is -log2 of the share of users who had it; one that nobody
    had counts as had by one user.
    """

    def _values(self, lists: Lists) -> Floats:
        everyone = max(lists.catalogue.all_users, 1)
        bits = np.log2(everyone / np.maximum(lists.catalogue.users, 1))
        return _mean_over_items(self, lists, bits, unknown=np.log2(everyone))


class Serendipity(Metric):
    """How much the hits stand above where popularity alone would have put them (Ge et al. 2010, as RecTools has it).

    The sum over the hits of max(P - Q, 0), divided by k: of n items, P is
    (n + 1 - rank in the list) / n, and Q the same of the item's rank by
    popularity, equal numbers sharing a rank without leaving a gap; Q of an
    item that was never interacted with is 0.
    """

    def _values(self, lists: Lists) -> Floats:
        hits, rows = _hits(self, lists), _first(self, lists.rows)
        count, interactions = len(lists.catalogue), np.append(lists.catalogue.interactions, 0)  # at -1 unknown items
        numbers = np.unique(interactions)
        rank = np.where(interactions > 0, len(numbers) - np.searchsorted(numbers, interactions), count + 1)
        gain = np.maximum(rank[rows] - np.arange(1, hits.shape[1] + 1), 0) / max(count, 1)
        return _with_target(lists, (hits * gain).sum(axis=1) / self.k)


class Diversity(Metric):
    """The mean distance between two items of a list (Ziegler et al. 2005).

    By categories where items have them, 1 - the share of common ones (Jaccard);
    else by 1 - the cosine of the items' vectors. NaN below two items.
    """

    def _values(self, lists: Lists) -> Floats:
        return mean_distance(lists.catalogue, _first(self, lists.rows))


class Repeats(Metric):
    """The share of the recommended items that the user had seen."""

    def _values(self, lists: Lists) -> Floats:
        return _share(_first(self, lists.repeats).sum(axis=1), _first(self, lists.filled).sum(axis=1))


@dataclass(frozen=True)
class CatalogueMetric(ABC):
    """One number, from 0 to 1, for how often the first k places of all lists hold each item."""

    k: int

    def __call__(self, exposures: npt.NDArray[Any]) -> Floats:
        """From [..., items], every item of the catalogue, to [...]."""
        return self._value(exposures)

    @abstractmethod
    def _value(self, exposures: npt.NDArray[Any]) -> Floats: ...


class Coverage(CatalogueMetric):
    """The share of the catalogue that is recommended to anyone."""

    def _value(self, exposures: npt.NDArray[Any]) -> Floats:
        return np.asarray((exposures > 0).sum(axis=-1) / max(exposures.shape[-1], 1))


class Gini(CatalogueMetric):
    """Gini's coefficient of the exposures: 0 where all items get the same, near 1 where few get all.

    Σ (2i - n - 1) x_i / (n Σ x_i), i = 1..n by ascending x_i; NaN where nothing is recommended.
    """

    def _value(self, exposures: npt.NDArray[Any]) -> Floats:
        count = exposures.shape[-1]
        # Items that no list holds are most of a large catalogue, and the first in any order.
        shown = exposures[..., exposures.any(axis=tuple(range(exposures.ndim - 1)))]
        ascending, ranks = np.sort(shown, axis=-1), np.arange(count - shown.shape[-1] + 1, count + 1)
        return _share(ascending @ (2.0 * ranks - count - 1), count * ascending.sum(axis=-1))


ACCURACY: Mapping[str, type[Metric]] = {
    "recall": Recall,
    "ndcg": NDCG,
    "mrr": MRR,
    "precision": Precision,
    "hit_rate": HitRate,
    "map": MAP,
}
METRICS: Mapping[str, type[Metric]] = {
    **ACCURACY,
    "popularity": MeanPopularity,
    "novelty": Novelty,
    "diversity": Diversity,
    "serendipity": Serendipity,
    "repeats": Repeats,
}
CATALOGUE_METRICS: Mapping[str, type[CatalogueMetric]] = {"coverage": Coverage, "gini": Gini}


def exposures(rows: npt.NDArray[np.int64], k: int, items: int) -> npt.NDArray[np.int64]:
    """How often the first k places of lists hold each item, [items]; rows as of `Lists.rows`."""
    first = rows[:, :k]
    return np.bincount(first[first >= 0], minlength=items)


def _first(metric: Metric, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values[:, : metric.k]


def _hits(metric: Metric, lists: Lists) -> npt.NDArray[np.bool_]:
    return lists.hits[:, : metric.k]


def _share(parts: npt.NDArray[Any], wholes: npt.NDArray[Any]) -> Floats:
    """NaN where the whole is 0."""
    return np.divide(parts, wholes, out=np.full(np.shape(parts), np.nan), where=np.asarray(wholes) > 0)


def _with_target(lists: Lists, values: Floats) -> Floats:
    return np.where(lists.relevant > 0, values, np.nan)


def _mean_over_items(metric: Metric, lists: Lists, of_items: Floats, unknown: float) -> Floats:
    """The mean of the items' numbers; `unknown` is that of an item outside of the catalogue."""
    filled = _first(metric, lists.filled)
    numbers = np.append(of_items, unknown)[_first(metric, lists.rows)]
    return _share((numbers * filled).sum(axis=1), filled.sum(axis=1))

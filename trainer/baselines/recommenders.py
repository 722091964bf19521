"""Baselines: what counting alone recommends. NumPy and SciPy only; they share nothing with the model.

`docs/baselines.md` says what each one is, and where it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from trainer.baselines.sparse_top_k import TopKColumns, filter_entries, keep_top_k_per_row, top_k_columns
from trainer.metrics.lists import catalogue_indices

RECENT_SESSIONS = 5_000  # of those that share an item with a history: among them are its neighbours
NEIGHBOUR_SESSIONS = 100
NEIGHBOUR_ITEMS = 100  # of an item
DISTANCES = (1, 2, 3)  # at which transitions are counted
ITEMS_FILE = "items.parquet"  # in which `components.baselines.tables` keeps what is counted of each item

_CHUNK = 256  # histories scored at once; bounds the memory to the chunk's scores
_KNN_AGES = np.power(0.9, np.arange(30))  # weights of the last items in item_knn, the last one's first
_SESSION_AGES = 1.0 - np.arange(10) / 10.0  # the same in session_knn

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """What the baselines count on the training split; n items, whose numbers are their places in `items`.

    Args:
        items: ids, str [n], sorted: the catalogue.
        interactions: int64 [n], how often an item was a training target.
        users: int64 [n], the users who have it in their training sequences.
        all_users: how many users have training sequences.
        recent: float64 [n], `interactions` with older ones counting less.
        features: by name, [n], further columns that are the same wherever the item comes.
        transitions: for each of `DISTANCES`, [n, n], how often the column's item came so far behind the row's.
        neighbours: [n, n], the highest cosines of an item with others.
        sessions: [sessions, n], 1 for the items of a training sequence; the most recent sequence first.
    """

    items: npt.NDArray[np.object_]
    interactions: npt.NDArray[np.int64]
    users: npt.NDArray[np.int64]
    all_users: int
    recent: Floats
    features: Mapping[str, npt.NDArray[Any]]
    transitions: Sequence[sparse.csr_matrix]
    neighbours: sparse.csr_matrix
    sessions: sparse.csr_matrix


class Baseline(Protocol):
    """A baseline with its tables."""

    order: TopKColumns  # every item: decides between equal scores, and among items that have none

    def scores(self, histories: Sequence[TopKColumns]) -> sparse.csr_matrix:
        """Positive scores, [len(histories), n]; histories are item numbers, oldest first, perhaps none."""


class Popularity:
    """The items most often interacted with, whatever the history."""

    def __init__(self, tables: Tables) -> None:
        self.order = by_popularity(tables)

    def scores(self, histories: Sequence[TopKColumns]) -> sparse.csr_matrix:
        """None: the order says it all."""
        return sparse.csr_matrix((len(histories), len(self.order)))


class RecentPopularity(Popularity):
    """The same with older interactions counting less."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.order = self.order[np.argsort(-tables.recent[self.order].astype(np.float32), kind="stable")]


class RepeatLast:
    """The history backwards, each item once; with seen items removed, nothing but popularity is left."""

    def __init__(self, tables: Tables) -> None:
        self.order = by_popularity(tables)

    def scores(self, histories: Sequence[TopKColumns]) -> sparse.csr_matrix:
        """The higher, the later in the history."""
        longest = max(map(len, histories), default=0)
        return _weighed(map(_distinct, histories), 1.0 / np.arange(1, 1 + longest), len(self.order))


class MarkovChain:
    """What followed the last items: transitions at distance d, and items d places back, weighted 1 / d."""

    def __init__(self, tables: Tables, back: int) -> None:
        self.order = by_popularity(tables)
        self._ages = 1.0 / np.arange(1, 1 + back)
        near = sum(
            (age * matrix for age, matrix in zip(self._ages[1:], tables.transitions[1:], strict=False)),
            tables.transitions[0].astype(np.float64),
        )
        sums = np.asarray(near.sum(axis=1)).ravel()
        self._near = (sparse.diags(1.0 / np.sqrt(np.maximum(sums, 1.0))) @ near).tocsr()

    def scores(self, histories: Sequence[TopKColumns]) -> sparse.csr_matrix:
        """Sums over the last items."""
        return _weighed(histories, self._ages, len(self.order)) @ self._near


class ItemKnn:
    """The neighbours of the history's items."""

    def __init__(self, tables: Tables) -> None:
        self.order = by_popularity(tables)
        self._neighbours = tables.neighbours

    def scores(self, histories: Sequence[TopKColumns]) -> sparse.csr_matrix:
        """Sums of cosines, those of older items counting less."""
        return _weighed(histories, _KNN_AGES, len(self.order)) @ self._neighbours


class SessionKnn:
    """What else is in training sequences that hold the history's last items."""

    def __init__(self, tables: Tables) -> None:
        self.order = by_popularity(tables)
        self._sessions = tables.sessions.astype(np.float64)
        # No history needs more of an item's: those that come before all others come first for this item as well.
        self._with_item = _first(self._sessions.T.tocsr(), RECENT_SESSIONS)

    def scores(self, histories: Sequence[TopKColumns]) -> sparse.csr_matrix:
        """Sums of similarities over the most similar of the most recent sequences that share an item."""
        similar = _weighed(map(_distinct, histories), _SESSION_AGES, len(self.order)) @ self._with_item
        return keep_top_k_per_row(_first(similar, RECENT_SESSIONS), NEIGHBOUR_SESSIONS) @ self._sessions


BASELINES: dict[str, Callable[[Tables], Baseline]] = {
    "popularity": Popularity,
    "recent_popularity": RecentPopularity,
    "repeat_last": RepeatLast,
    "markov": partial(MarkovChain, back=1),
    "markov_two_back": partial(MarkovChain, back=2),
    "markov_three_back": partial(MarkovChain, back=3),
    "item_knn": ItemKnn,
    "session_knn": SessionKnn,
}


class BaselineRecommender:
    """Every baseline of `BASELINES` over the same tables."""

    def __init__(self, tables: Tables) -> None:
        self._index = pd.Index(tables.items, dtype=object)
        self._items = np.array(
            [*tables.items, None], dtype=object
        )  # None, at -1, is where nothing is left to recommend
        self._baselines = {name: make(tables) for name, make in BASELINES.items()}

    def recommend(
        self, histories: Sequence[Sequence[str]], exclude: Sequence[Sequence[str]], *, remove_seen: bool, k: int
    ) -> dict[str, npt.NDArray[np.object_]]:
        """What each baseline recommends after the histories.

        Equal scores, and items without one, are in the order of `interactions`
        and then of the ids. Unknown items are as if they were not there.

        Args:
            histories: item ids, oldest first.
            exclude: for each history, what was seen besides.
            remove_seen: whether what was seen is left out.
            k: the length of the lists.

        Returns:
            By baseline, [len(histories), k] item ids, best first; None where no item is left.
        """
        found = {name: [np.zeros((0, k), np.int64)] for name in self._baselines}
        for start in range(0, len(histories), _CHUNK):
            known, besides = (self._known_indices(part[start : start + _CHUNK]) for part in (histories, exclude))
            seen = [np.concatenate(both)[: None if remove_seen else 0] for both in zip(known, besides, strict=True)]
            for name, baseline in self._baselines.items():
                found[name].append(top_k_columns(baseline.scores(known), baseline.order, seen, k))
        return {name: self._items[np.concatenate(parts)] for name, parts in found.items()}

    def _known_indices(self, lists: Sequence[Sequence[str]]) -> list[TopKColumns]:
        ids = np.array([item for items in lists for item in items], dtype=object)
        ends = np.cumsum([len(items) for items in lists], dtype=np.int64)
        parts = np.split(catalogue_indices(ids, self._index), ends)[:-1]  # the last part comes after all lists
        return [indices[indices >= 0] for indices in parts]


def by_popularity(tables: Tables) -> TopKColumns:
    """All items, the one with the most interactions first, of equal ones the lower id."""
    return np.argsort(-tables.interactions, kind="stable")


def _distinct(history: TopKColumns) -> TopKColumns:
    """Each item where it came last."""
    items, places = np.unique(history[::-1], return_index=True)
    return items[np.argsort(-places)]


def _first(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Keeps the lowest columns of each row."""
    matrix.sort_indices()
    places = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    return filter_entries(matrix, places < count)


def _weighed(histories: Any, ages: Floats, items: int) -> sparse.csr_matrix:
    """A row a history with the weights of its last items by age, added up, [histories, items]."""
    last = [history[: -1 - len(ages) : -1] for history in histories]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in last])])
    weights = np.concatenate([np.zeros(0), *(ages[: len(row)] for row in last)])
    columns = np.concatenate([np.zeros(0, np.int64), *last])
    matrix = sparse.csr_matrix((weights, columns, ends), (len(last), items))
    matrix.sum_duplicates()
    return matrix

"""Baselines: recommenders that count. NumPy, SciPy and pandas only; they share no result with the model.

`docs/baselines.md` describes each one, with its source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from trainer.baselines import constants
from trainer.baselines.sparse_top_k import filter_entries, keep_top_k_per_row, top_k_columns
from trainer.baselines.tables import Tables
from trainer.metrics.lists import Floats, Indices, catalogue_indices

_NOTHING: Indices = np.zeros(0, np.int64)
_CHUNK = 256  # histories scored at once; bounds the memory to the chunk's scores
_SESSION_RECENCY_WEIGHTS = 1.0 - np.arange(10) / 10.0  # of the last items of a history in session_knn, newest first


class Baseline(Protocol):
    """A baseline with its tables."""

    order: Indices  # every item once: the order of items with equal scores, and of items without one

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return positive scores of some items.

        Args:
            histories: for each history, the indices of its items, oldest first; may be empty.

        Returns:
            [histories, items].
        """


class Popularity:
    """The items with the most interactions, regardless of the history.

    Args:
        tables: reads `interactions`.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import Popularity
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.ones(3), features={}, transitions=[nothing] * 3,
        ...     neighbours=nothing, sessions=nothing,
        ... )
        >>> Popularity(tables).order
        array([1, 2, 0])
    """

    def __init__(self, tables: Tables) -> None:
        self.order = popularity_order(tables)

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return no scores: the order alone decides."""
        return sparse.csr_matrix((len(histories), len(self.order)))


class RecentPopularity(Popularity):
    """The items with the most interactions, where older ones count less.

    Args:
        tables: reads `recent`, then `interactions`.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import RecentPopularity
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.array([0.1, 0.2, 1.5]), features={}, transitions=[nothing] * 3,
        ...     neighbours=nothing, sessions=nothing,
        ... )
        >>> RecentPopularity(tables).order
        array([2, 1, 0])
    """

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.order = self.order[np.argsort(-tables.recent[self.order].astype(np.float32), kind="stable")]


class RepeatLast:
    """The history backwards, each item once, then popularity. Where seen items are removed, only popularity is left.

    Args:
        tables: reads `interactions`.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import RepeatLast
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.ones(3), features={}, transitions=[nothing] * 3,
        ...     neighbours=nothing, sessions=nothing,
        ... )
        >>> RepeatLast(tables).scores([np.array([0, 2])]).toarray()
        array([[0.5, 0. , 1. ]])
    """

    def __init__(self, tables: Tables) -> None:
        self.order = popularity_order(tables)

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return 1 / position from the end of the history, where each item counts once."""
        longest = max(map(len, histories), default=0)
        return _weighted_histories(map(_last_occurrences, histories), 1.0 / np.arange(1, 1 + longest), len(self.order))


class MarkovChain:
    """Markov chain of the last items: a transition at distance d, and an item d positions back, weigh 1 / d.

    Args:
        tables: reads `transitions` and `interactions`.
        back: the number of last items and the greatest distance, 1 to 3.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import MarkovChain
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> after = sparse.csr_matrix([[0, 3, 1], [0, 0, 0], [0, 0, 0]])
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.ones(3), features={}, transitions=[after] + [nothing] * 2,
        ...     neighbours=nothing, sessions=nothing,
        ... )
        >>> MarkovChain(tables, back=1).scores([np.array([0])]).toarray()  # divided by the root of 4 transitions
        array([[0. , 1.5, 0.5]])
    """

    def __init__(self, tables: Tables, back: int) -> None:
        self.order = popularity_order(tables)
        self._recency_weights = constants.DISTANCE_WEIGHTS[:back]
        near = sum(
            (
                weight * matrix
                for weight, matrix in zip(self._recency_weights[1:], tables.transitions[1:], strict=False)
            ),
            tables.transitions[0].astype(np.float64),
        )
        sums = np.asarray(near.sum(axis=1)).ravel()
        self._near = (sparse.diags(1.0 / np.sqrt(np.maximum(sums, 1.0))) @ near).tocsr()

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return the weighted sums of the last items' transitions."""
        return _weighted_histories(histories, self._recency_weights, len(self.order)) @ self._near


class ItemKnn:
    """Item-kNN: the neighbours of the history's items by cosine.

    Args:
        tables: reads `neighbours` and `interactions`.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import ItemKnn
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> cosines = sparse.csr_matrix([[0, 0.4, 0], [0.4, 0, 0.5], [0, 0.5, 0]])
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.ones(3), features={}, transitions=[nothing] * 3,
        ...     neighbours=cosines, sessions=nothing,
        ... )
        >>> ItemKnn(tables).scores([np.array([0, 2])]).toarray()  # c is the last item, a weighs 0.9
        array([[0.  , 0.86, 0.  ]])
    """

    def __init__(self, tables: Tables) -> None:
        self.order = popularity_order(tables)
        self._neighbours = tables.neighbours

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return the sums of cosines, where older items weigh less."""
        return _weighted_histories(histories, constants.KNN_RECENCY_WEIGHTS, len(self.order)) @ self._neighbours


class SessionKnn:
    """Session-kNN: the other items of training sequences that hold the history's last items.

    Args:
        tables: reads `sessions` and `interactions`.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import SessionKnn
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> sequences = sparse.csr_matrix([[0, 1, 1], [1, 1, 0]])
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.ones(3), features={}, transitions=[nothing] * 3,
        ...     neighbours=nothing, sessions=sequences,
        ... )
        >>> SessionKnn(tables).scores([np.array([0])]).toarray()  # a's only sequence is a, b
        array([[1., 1., 0.]])
    """

    def __init__(self, tables: Tables) -> None:
        self.order = popularity_order(tables)
        self._sessions = tables.sessions.astype(np.float64)
        # The most recent sessions of an item are enough for any history that holds it.
        self._sessions_of_item = _first_columns(self._sessions.T.tocsr(), constants.RECENT_SESSIONS)

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return the sums of similarities over the nearest of the most recent sequences that share an item."""
        weights = _weighted_histories(map(_last_occurrences, histories), _SESSION_RECENCY_WEIGHTS, len(self.order))
        recent = _first_columns(weights @ self._sessions_of_item, constants.RECENT_SESSIONS)
        return keep_top_k_per_row(recent, constants.NEIGHBOUR_SESSIONS) @ self._sessions


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
    """Every baseline of `BASELINES` over the same tables.

    Args:
        tables: what was counted on the training split, for example by `components.baselines.tables.read_tables`.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.recommenders import BaselineRecommender
        >>> from trainer.baselines.tables import Tables
        >>> nothing = sparse.csr_matrix((3, 3))
        >>> tables = Tables(
        ...     items=np.array(["a", "b", "c"], object), interactions=np.array([1, 3, 2]), users=np.array([1, 3, 2]),
        ...     all_users=4, recent=np.ones(3), features={}, transitions=[nothing] * 3,
        ...     neighbours=nothing, sessions=nothing,
        ... )
        >>> recommender = BaselineRecommender(tables)
        >>> recommender.recommend([["b"]], [[]], remove_seen=True, k=2)["popularity"]
        array([['c', 'a']], dtype=object)
    """

    def __init__(self, tables: Tables) -> None:
        self._index = pd.Index(tables.items, dtype=object)
        self._items = np.array([*tables.items, None], dtype=object)  # None, at -1, where no item is left
        self._baselines = {name: make(tables) for name, make in BASELINES.items()}

    def recommend(
        self,
        histories: Sequence[Sequence[str]],
        exclude: Sequence[Sequence[str]],
        *,
        remove_seen: bool,
        k: int,
        hidden: Sequence[Indices] | None = None,
    ) -> dict[str, npt.NDArray[np.object_]]:
        """Return the recommendations of each baseline after the histories.

        Items with equal scores, and items without one, are in the order of
        `interactions`, then of the ids. Unknown items are ignored.

        Args:
            histories: item ids, oldest first.
            exclude: for each history, further item ids that the user has seen.
            remove_seen: whether the items of `histories` and `exclude` are left out.
            k: the length of the lists.
            hidden: for each history, the indices of further items that are left out.

        Returns:
            By baseline, item ids [histories, k], best first; None where no item is left.
        """
        found = {name: [np.zeros((0, k), np.int64)] for name in self._baselines}
        for start in range(0, len(histories), _CHUNK):
            known, further = (self._known_indices(part[start : start + _CHUNK]) for part in (histories, exclude))
            seen = [np.concatenate(both)[: None if remove_seen else 0] for both in zip(known, further, strict=True)]
            further_hidden = hidden[start : start + _CHUNK] if hidden is not None else [_NOTHING] * len(seen)
            for name, baseline in self._baselines.items():
                removed = map(np.concatenate, zip(seen, further_hidden, strict=True))
                found[name].append(top_k_columns(baseline.scores(known), baseline.order, removed, k))
        return {name: self._items[np.concatenate(parts)] for name, parts in found.items()}

    def _known_indices(self, lists: Sequence[Sequence[str]]) -> list[Indices]:
        ids = np.array([item for items in lists for item in items], dtype=object)
        ends = np.cumsum([len(items) for items in lists], dtype=np.int64)
        parts = np.split(catalogue_indices(ids, self._index), ends)[:-1]  # the last part comes after all lists
        return [indices[indices >= 0] for indices in parts]


def popularity_order(tables: Tables) -> Indices:
    """Return the indices of all items, most interactions first, then by id."""
    return np.argsort(-tables.interactions, kind="stable")


def _last_occurrences(history: Indices) -> Indices:
    """Return each item once, where it came last, oldest first."""
    items, ages = np.unique(history[::-1], return_index=True)
    return items[np.argsort(-ages)]


def _first_columns(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Return the matrix with the lowest columns of each row only."""
    matrix.sort_indices()
    positions = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    return filter_entries(matrix, positions < count)


def _weighted_histories(histories: Iterable[Indices], recency_weights: Floats, item_count: int) -> sparse.csr_matrix:
    """Return [histories, items]: the weights of each history's last items, added up for each item."""
    last = [history[: -1 - len(recency_weights) : -1] for history in histories]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in last])])
    weights = np.concatenate([np.zeros(0), *(recency_weights[: len(row)] for row in last)])
    columns = np.concatenate([np.zeros(0, np.int64), *last])
    matrix = sparse.csr_matrix((weights, columns, ends), (len(last), item_count))
    matrix.sum_duplicates()
    return matrix

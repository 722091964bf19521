"""Baselines: popularity and Markov chains. NumPy and SciPy only; they share nothing with the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from trainer.metrics import summary

_CHUNK = 512  # histories scored at once; bounds the memory to chunk x items
_RECENT = 0.1  # of the interactions
_SMALLEST = 1e-6  # less than any difference of a chain's scores
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Walk(NamedTuple):
    """Interactions of a user in order; the times are any numbers that grow with time."""

    item_ids: Sequence[str]
    timestamps_s: Sequence[float]


@dataclass(frozen=True)
class Case:
    """A history to recommend after.

    Args:
        history: what the user did, oldest first.
        seen: further items that are not to be recommended.
        target: what the user did next.
    """

    history: Sequence[str]
    seen: Sequence[str]
    target: str


def measure(
    sequences: Sequence[Walk], cases: Sequence[Case], catalogue: Sequence[str], *, remove_seen: bool, k: int
) -> dict[str, dict[str, float]]:
    """The baselines' metrics over the whole catalogue.

    - `popularity`: how often an item was next
    - `recent_popularity`: the same in the last tenth of the interactions
    - `markov`: how often it followed the last item
    - `markov_three_back`: a sum over the last three items, the one `a` places
      back weighted 1 / a, of how often the item followed it at a distance of
      1, 2 or 3, weighted 1 / distance, divided by the root of how often
      anything did

    Args:
        sequences: training interactions in order; every item but a sequence's
            first counts as one interaction, every pair of neighbours as one transition.
        cases: the test split.
        catalogue: every item that can be recommended.
        remove_seen: whether items of a case's history are left out.
        k: the length of the lists.

    Returns:
        By baseline, `recall@k` and so on; see `trainer.metrics.summary`.
    """
    items = np.array([*sorted(catalogue), None], dtype=object)  # None, at -1, is where nothing is left to recommend
    index = {item: row for row, item in enumerate(items[:-1])}
    popularity, recent = _popularity(sequences, index)
    near = [_transitions(sequences, index, distance) for distance in (1, 2, 3)]
    three = near[0] + near[1] / 2.0 + near[2] / 3.0
    three = sparse.diags(1.0 / np.sqrt(np.maximum(np.asarray(three.sum(axis=1)).ravel(), 1.0))) @ three
    # Less than one interaction's worth of popularity decides among items that never followed, or as often.
    tie = popularity / (popularity.sum() + 1.0)
    targets = np.array([case.target for case in cases], dtype=object)
    found: Mapping[str, list[npt.NDArray[np.object_]]] = {
        name: [] for name in ("popularity", "recent_popularity", "markov", "markov_three_back")
    }
    for chunk in _chunks(cases):
        back = [
            _one_hot([index[case.history[-a]] if a <= len(case.history) else -1 for case in chunk], len(index))
            for a in (1, 2, 3)
        ]
        scores = {
            "popularity": np.tile(popularity, (len(chunk), 1)),
            "recent_popularity": np.tile(recent + tie, (len(chunk), 1)),
            "markov": (back[0] @ near[0]).toarray() + tie,
            "markov_three_back": ((back[0] + back[1] / 2.0 + back[2] / 3.0) @ three).toarray() + _SMALLEST * tie,
        }
        for name, values in scores.items():
            if remove_seen:
                for row, case in enumerate(chunk):
                    values[row, [index[item] for item in {*case.history, *case.seen} if item in index]] = -np.inf
            found[name].append(items[_top(values, k)])
    return {name: summary(np.concatenate(ranked), targets, len(index), k) for name, ranked in found.items()}


def _popularity(sequences: Sequence[Walk], index: Mapping[str, int]) -> tuple[Floats, Floats]:
    """How often each item was next, in all interactions and in the last tenth of them."""
    times = np.array([time for walk in sequences for time in walk.timestamps_s[1:]])
    ids = np.array([index[item] for walk in sequences for item in walk.item_ids[1:]], dtype=np.int64)
    late = times >= np.quantile(times, 1.0 - _RECENT) if times.size else np.zeros(0, np.bool_)
    everything, recent = (np.bincount(some, minlength=len(index)).astype(np.float64) for some in (ids, ids[late]))
    return everything, recent


def _transitions(sequences: Sequence[Walk], index: Mapping[str, int], distance: int) -> sparse.csr_matrix:
    pairs = [
        (index[before], index[after])
        for walk in sequences
        for before, after in zip(walk.item_ids, walk.item_ids[distance:], strict=False)
    ]
    before, after = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return sparse.coo_matrix((np.ones(len(pairs)), (before, after)), (len(index),) * 2).tocsr()


def _one_hot(columns: Sequence[int], width: int) -> sparse.csr_matrix:
    """A row a column, with a 1 there; none where the column is -1."""
    rows = np.flatnonzero(np.array(columns) >= 0)
    return sparse.coo_matrix((np.ones(len(rows)), (rows, np.array(columns)[rows])), (len(columns), width)).tocsr()


def _top(scores: npt.NDArray[np.float64], k: int) -> Ids:
    """The k best columns of each row, best first, lower ones first among equals; -1 where only removed are left."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(scores, order, axis=1)), order, -1)


def _chunks(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    for start in range(0, len(cases), _CHUNK):
        yield cases[start : start + _CHUNK]

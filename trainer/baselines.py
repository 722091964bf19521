"""Baselines: popularity and a first-order Markov chain. NumPy only; they share nothing with the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.metrics import summary

_CHUNK = 512  # histories scored at once; bounds the memory to chunk x items
Ids = npt.NDArray[np.int64]


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
    sequences: Sequence[Sequence[str]], cases: Sequence[Case], catalogue: Sequence[str], *, remove_seen: bool, k: int
) -> dict[str, dict[str, float]]:
    """The baselines' metrics over the whole catalogue.

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
    popularity, transitions = _count(sequences, index)
    targets = np.array([case.target for case in cases], dtype=object)
    found: Mapping[str, list[npt.NDArray[np.object_]]] = {"popularity": [], "markov": []}
    for chunk in _chunks(cases):
        last = np.array([index[case.history[-1]] for case in chunk])
        scores = {
            "popularity": np.tile(popularity, (len(chunk), 1)),
            # Less than one transition's worth of popularity decides among items that never followed, or as often.
            "markov": np.stack([transitions(row) for row in last]) + popularity / (popularity.sum() + 1.0),
        }
        for name, values in scores.items():
            if remove_seen:
                for row, case in enumerate(chunk):
                    values[row, [index[item] for item in {*case.history, *case.seen} if item in index]] = -np.inf
            found[name].append(items[_top(values, k)])
    return {name: summary(np.concatenate(ranked), targets, len(index), k) for name, ranked in found.items()}


def _count(sequences: Sequence[Sequence[str]], index: Mapping[str, int]) -> tuple[npt.NDArray[np.float64], Any]:
    """Counts of items, and a function from an item to the counts of what followed it."""
    pairs = np.array(
        [(index[a], index[b]) for sequence in sequences for a, b in pairwise(sequence)],
        dtype=np.int64,
    ).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    starts = np.searchsorted(pairs[:, 0], np.arange(len(index) + 1))

    def followers(item: int) -> npt.NDArray[np.float64]:
        next_items = pairs[starts[item] : starts[item + 1], 1]
        return np.bincount(next_items, minlength=len(index)).astype(np.float64)

    return np.bincount(pairs[:, 1], minlength=len(index)).astype(np.float64), followers


def _top(scores: npt.NDArray[np.float64], k: int) -> Ids:
    """The k best columns of each row, best first, lower ones first among equals; -1 where only removed are left."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(scores, order, axis=1)), order, -1)


def _chunks(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    for start in range(0, len(cases), _CHUNK):
        yield cases[start : start + _CHUNK]

"""Recommendations by content without a network, for items that a log lacks: categories and nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.content.held_out import Query

Floats = npt.NDArray[np.float64]
Scorer = Callable[[list[int]], Floats]  # from the rows of a history's items to a score of each item


def popular_in_category(content: Floats, interactions: npt.NDArray[np.int64]) -> Scorer:
    """Return a scorer: the popularity of an item's categories, weighted by their share in the history.

    Args:
        content: float64, as from `content_matrix`.
        interactions: [items], in the training; 0 for an item that it lacks.
    """
    has = (content > 0) & (interactions > 0)[:, np.newaxis]
    popularity = (has * interactions[:, np.newaxis]).sum(axis=0) / np.maximum(has.sum(axis=0), 1)
    return lambda history: content @ (content[history].mean(axis=0) * popularity)


def nearest_to_last(content: Floats) -> Scorer:
    """Return a scorer: the inner product of an item's content with that of the history's last item."""
    return lambda history: content @ content[history[-1]]


def nearest_to_history(content: Floats, read: int = 10) -> Scorer:
    """Return a scorer: the inner product of an item's content with the mean of the history's last items."""
    return lambda history: content @ content[history[-read:]].mean(axis=0)


def expected_recall(scorer: Scorer, queries: Sequence[Query], row_of: dict[str, int], k: int) -> Floats:
    """Return the probability that each target is among the k best items. Equal scores are in a random order.

    Args:
        scorer: the scores of all items after a history.
        queries: the queries; items that `row_of` lacks are left out of the histories.
        row_of: the row of each item. Items of the history are not recommended.
        k: the length of the lists.

    Returns:
        [queries].
    """
    found = np.zeros(len(queries))
    for number, query in enumerate(queries):
        history = [row_of[item] for item in query.history if item in row_of]
        target = row_of[query.target]
        scores = scorer(history)
        candidates = np.ones(len(scores), np.bool_)
        candidates[history] = False
        if not candidates[target]:
            continue
        better = int((candidates & (scores > scores[target] + 1e-12)).sum())
        equal = int((candidates & (np.abs(scores - scores[target]) <= 1e-12)).sum())
        found[number] = min(max(k - better, 0) / equal, 1.0)
    return found

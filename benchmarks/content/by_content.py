"""Recommendations by content without a network, for items that a log lacks: categories and nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.content.held_out import Query
from trainer.data.item_features import ItemFeatures

Floats = npt.NDArray[np.float64]
Scorer = Callable[[list[int]], Floats]  # from the rows of a history's items to a score of each item


def content_matrix(features: ItemFeatures) -> Floats:
    """Return the codes and the tokens of each item as a vector. Each column contributes a vector of length 1 or 0.

    A token counts by the logarithm of the inverse of the fraction of items that have it.

    Args:
        features: the content of the items; row 0 is padding.

    Returns:
        [items, codes and tokens].
    """
    parts = []
    for codes in features.codes.values():
        rows = np.repeat(np.arange(len(codes)), codes.shape[1])
        part = np.zeros((len(codes), int(codes.max()) + 1))
        part[rows, codes.ravel()] = 1.0
        parts.append(part)
    if features.tokens is not None:
        part = np.zeros((len(features.tokens), int(features.tokens.max()) + 1))
        np.put_along_axis(part, features.tokens.reshape(len(part), -1), 1.0, axis=1)
        part[0] = 0.0  # padding is no item
        parts.append(part * np.log((len(part) - 1) / np.maximum(part.sum(axis=0), 1.0)))
    coded = [part[1:, 1:] for part in parts]  # without padding and without the code of no value
    return np.concatenate(
        [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in coded], axis=1
    )


def popular_in_category(content: Floats, interactions: npt.NDArray[np.int64]) -> Scorer:
    """Return a scorer: the popularity of an item's categories, weighted by their share in the history.

    Args:
        content: as from `content_matrix`.
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


def nearest_known(content: Floats, known: npt.NDArray[np.bool_], interactions: npt.NDArray[np.int64]) -> list[int]:
    """Return, for each item that is not known, the known one with the nearest content; of several the most popular.

    Args:
        content: as from `content_matrix`.
        known: [items].
        interactions: [items].
    """
    rows = np.flatnonzero(known)
    rows = rows[np.argsort(-interactions[rows], kind="stable")]
    return [int(rows[np.argmax(content[rows] @ content[item])]) for item in np.flatnonzero(~known)]


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

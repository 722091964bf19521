"""The weight of each item of a history: how much a recommendation loses without this one interaction.

Scores of different histories are compared as logarithms of probabilities among the same items. A number that is
added to all scores of a history changes no ranking, and the logarithms of probabilities do not depend on it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from trainer.metrics.lists import Floats, Ids

OTHERS = 400  # items that are drawn from the rest of the catalogue
LEAST_LOSS = 1e-4  # a smaller difference of two logarithms may be the rounding of float32

Mask = npt.NDArray[np.bool_]


class WeightedCandidates(NamedTuple):
    """The items among which a probability is computed.

    Args:
        ids: the served list, best first, then items from the rest of the catalogue.
        represented: the number of items that each one stands for, [ids].
    """

    ids: list[str]
    represented: Floats


def draw_candidates(
    listed: Sequence[str], seen: Collection[str], catalogue: Ids, generator: np.random.Generator
) -> WeightedCandidates:
    """Return a served list with a sample of the other items, which stands for all of them.

    Seen items that are not listed are left out. A shortened history would recommend the item that it lacks, and this
    competition says nothing about the other items.

    Args:
        listed: the served list, best first.
        seen: the items that the user has seen, in the history or before.
        catalogue: the ids of all items.
        generator: draws the sample.

    Example:
        >>> catalogue = np.array(list("abcdef"), dtype=object)
        >>> ids, represented = draw_candidates("cd", "a", catalogue, np.random.default_rng(1))
        >>> ids[:2], sorted(ids[2:]), represented.tolist()
        (['c', 'd'], ['b', 'e', 'f'], [1.0, 1.0, 1.0, 1.0, 1.0])
    """
    known = {*listed, *seen}
    rest = [item for item in catalogue if item not in known]
    drawn = generator.choice(len(rest), min(OTHERS, len(rest)), replace=False) if rest else np.zeros(0, np.int64)
    represented = np.ones(len(listed) + len(drawn))
    represented[len(listed) :] = len(rest) / max(len(drawn), 1)
    return WeightedCandidates([*listed, *(rest[index] for index in drawn)], represented)


def one_left_out(length: int) -> Mask:
    """Return which items of a history are kept: all of them, and then all except one.

    Args:
        length: the number of items.

    Returns:
        bool [length + 1, length].
    """
    return np.concatenate([np.ones((1, length), np.bool_), ~np.eye(length, dtype=np.bool_)])


def log_probabilities(scores: Floats, represented: Floats) -> Floats:
    """Return the logarithms of a softmax over the candidates.

    Args:
        scores: the scores of each history, [histories, candidates].
        represented: the number of items that each candidate stands for, [candidates].

    Returns:
        [histories, candidates].

    Example:
        >>> np.exp(log_probabilities(np.log([[3.0, 2.0, 1.0]]), np.array([1.0, 1.0, 5.0]))).round(2).tolist()
        [[0.3, 0.2, 0.1]]
    """
    return np.asarray(scores - special.logsumexp(scores, axis=1, b=represented, keepdims=True))


def losses(log_probability: Floats) -> Floats:
    """Return how much each recommendation loses without each item of the history.

    Args:
        log_probability: for the histories of `one_left_out`, [length + 1, candidates].

    Returns:
        [length, candidates]. A negative number is a gain.
    """
    return np.asarray(log_probability[0] - log_probability[1:])


def weights(lost: Floats) -> Floats:
    """Return the weights of a history's items in each recommendation.

    A weight is the fraction of the losses. Items without which a recommendation gains, or loses less than `LEAST_LOSS`,
    have no weight. A single item has all the weight, because no network answers an empty history.

    Args:
        lost: the output of `losses`, [length, candidates].

    Returns:
        [length, candidates]. Each column has the sum 1, or 0 if no item has a loss.

    Example:
        >>> weights(np.array([[3.0], [-2.0], [1.0]])).T.tolist()
        [[0.75, 0.0, 0.25]]
    """
    if len(lost) == 1:
        return np.ones_like(lost)
    positive = np.where(np.isfinite(lost) & (lost >= LEAST_LOSS), lost, 0.0)
    totals = positive.sum(axis=0, keepdims=True)
    return np.divide(positive, totals, out=np.zeros_like(positive), where=totals > 0)

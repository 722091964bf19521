"""How much each score of a candidate counts in its rank: weights fitted to what users chose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

from schemas.config.evaluation import K

_RIDGE = 1e-3  # keeps the weights of scores that say the same from growing against each other
_FOLDS = 5

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class RerankExamples(NamedTuple):
    """Candidates of some histories with their scores, and which of them followed.

    Args:
        scores: float32 [n, candidates, scores].
        present: bool [n, candidates], False where there is no candidate.
        target: int [n], the place of what followed; -1 where it is no candidate.
    """

    scores: Floats
    present: npt.NDArray[np.bool_]
    target: npt.NDArray[np.int64]


def fit_conditional_logit(choices: RerankExamples, start: Floats) -> Floats:
    """The weights under which the softmax of the weighted scores gives what followed the highest likelihood.

    A conditional logit (McFadden 1974) with a small ridge towards `start`.

    Args:
        choices: those without a target among the candidates teach nothing.
        start: float32 [scores], the weights where there is nothing to learn from.
    """
    known = choices.target >= 0
    scores, present, target = (x[known] for x in choices)
    if not len(scores):
        return start
    rows = np.arange(len(scores))

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        values = np.where(present, scores @ weights.astype(np.float32), -np.inf)
        values -= values.max(axis=1, keepdims=True)
        shares = np.exp(values)
        total = shares.sum(axis=1, keepdims=True)
        shares /= total
        expected = np.einsum("nc,ncs->ns", shares, scores)
        away = weights - start
        gradient = (expected - scores[rows, target]).mean(axis=0) + 2 * _RIDGE * away
        return float((np.log(total[:, 0]) - values[rows, target]).mean() + _RIDGE * away @ away), gradient

    found = optimize.minimize(loss, start.astype(np.float64), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, np.float32)


def ranks(choices: RerankExamples, weights: Floats) -> Ints:
    """The place of what followed when the candidates are ordered by the weighted scores, from 1, [n].

    Of equal scores the target comes last. Where it is no candidate, the place is beyond any list.
    """
    values = np.where(choices.present, choices.scores @ weights, -np.inf)
    found = (values >= values[np.arange(len(values)), choices.target][:, np.newaxis]).sum(axis=1)
    return np.where(choices.target >= 0, found, np.iinfo(np.int64).max)


def cross_validated_ranks(choices: RerankExamples, start: Floats) -> Ints:
    """`ranks` by weights that each history had no part in, by five-fold cross-validation, [n].

    What lies together is held out together: a user's histories are much alike, and stand beside each other.
    """
    fold = np.arange(len(choices.target)) * _FOLDS // max(len(choices.target), 1)
    found = np.zeros(len(fold), np.int64)
    for each in range(_FOLDS):
        weights = fit_conditional_logit(RerankExamples(*(x[fold != each] for x in choices)), start)
        found[fold == each] = ranks(RerankExamples(*(x[fold == each] for x in choices)), weights)
    return found


def recall_and_ndcg(places: Ints) -> dict[str, float]:
    """Recall@10 and NDCG@10 of places as of `ranks`."""
    hits = places <= K
    return {
        f"recall@{K}": float(hits.mean()),
        f"ndcg@{K}": float(np.where(hits, 1.0 / np.log2(1.0 + places), 0.0).mean()),
    }

"""How much each score of a candidate counts in its rank: weights fitted to what users chose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

from trainer.metrics import K

_RIDGE = 1e-3  # keeps the weights of scores that say the same from growing against each other
_FOLDS = 5

Floats = npt.NDArray[np.float32]


class Choices(NamedTuple):
    """Candidates of some histories with their scores, and which of them followed.

    Args:
        scores: float32 [n, candidates, scores].
        present: bool [n, candidates], False where there is no candidate.
        target: int [n], the place of what followed; -1 where it is no candidate.
    """

    scores: Floats
    present: npt.NDArray[np.bool_]
    target: npt.NDArray[np.int64]


def fit_weights(choices: Choices, start: Floats) -> Floats:
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


def ndcg(choices: Choices, weights: Floats) -> Floats:
    """NDCG@10 of each history when its candidates are ordered by the weighted scores, [n].

    Of equal scores the target comes last.
    """
    values = np.where(choices.present, choices.scores @ weights, -np.inf)
    rows, known = np.arange(len(values)), choices.target >= 0
    ranks = (values >= values[rows, choices.target][:, np.newaxis]).sum(axis=1)
    return np.where(known & (ranks <= K), 1.0 / np.log2(1.0 + ranks), 0.0).astype(np.float32)


def held_out_ndcg(choices: Choices, start: Floats) -> float:
    """The mean NDCG@10 of weights on histories that they were not fitted to, by five-fold cross-validation."""
    fold = np.arange(len(choices.target)) % _FOLDS
    found = [
        ndcg(Choices(*(x[fold == f] for x in choices)), fit_weights(Choices(*(x[fold != f] for x in choices)), start))
        for f in range(_FOLDS)
    ]
    return float(np.concatenate(found).mean())

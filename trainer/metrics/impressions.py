"""Metrics of a list that was shown, with clicks and non-clicks: AUC, MRR and NDCG of each impression.

The other metrics rank the whole catalogue. These rank only the items that the user saw, so an item that was shown and
not clicked is a real negative. The definitions are those of the MIND benchmark (Wu et al. 2020, "MIND: A Large-scale
Dataset for News Recommendation", and its evaluation script).

Equal scores are resolved against the model. MRR and NDCG put a non-clicked item before a clicked one of the same score,
so that a constant score cannot profit from the order of the file. A tied pair counts half in AUC, as it is defined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.metrics.lists import Floats, Indices
from trainer.metrics.metric import divide

KS = (5, 10)  # the list lengths of MIND


@dataclass(frozen=True, eq=False)
class ScoredImpressions:
    """Lists that were shown, one after the other, with a model's score of each item.

    Args:
        offsets: int64 [impressions + 1]; the items of impression i are between offsets i and i + 1.
        clicked: bool [shown], whether the user clicked the item.
        scores: float [shown], higher is better. They may be infinite.

    Raises:
        ValueError: the arrays do not belong together, or a score is NaN.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import ScoredImpressions
        >>> shown = ScoredImpressions(np.array([0, 3, 5]), np.array([0, 1, 0, 0, 0], bool), np.array([3, 2, 1, 2, 1.0]))
        >>> shown.clicks, shown.non_clicks
        (array([1, 0]), array([2, 2]))
    """

    offsets: Indices
    clicked: npt.NDArray[np.bool_]
    scores: Floats

    def __post_init__(self) -> None:
        count, lengths = len(self.clicked), np.diff(self.offsets)
        if not len(self.offsets) or self.offsets[0] != 0 or self.offsets[-1] != count or (lengths < 0).any():
            raise ValueError(
                f"expected: ascending offsets from 0 to {count}, the number of shown items\n"
                f"received: {self.offsets!r}\nremedy:   give the cumulative lengths of the impressions, after a 0"
            )
        if self.clicked.dtype != np.bool_ or np.shape(self.scores) != (count,) or np.isnan(self.scores).any():
            raise ValueError(
                f"expected: clicked as bool, and {count} scores without NaN\n"
                f"received: {self.clicked.dtype}, and scores {np.shape(self.scores)} with"
                f" {int(np.isnan(self.scores).sum())} NaN\nremedy:   give each shown item one score"
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def clicks(self) -> Indices:
        """Number of clicked items, [impressions]."""
        return self._count(self.clicked)

    @cached_property
    def non_clicks(self) -> Indices:
        """Number of items without a click, [impressions]."""
        return self._count(~self.clicked)

    @cached_property
    def impressions(self) -> Indices:
        """Index of the impression of each item, [shown]."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def click_ranks(self, *, clicks_first: bool = False) -> tuple[Indices, Indices]:
        """Return the rank of each clicked item among the items of its impression.

        Args:
            clicks_first: whether a clicked item comes before others of the same score, instead of after them.

        Returns:
            Ranks from 1 and the index of the impression, both int64 [clicks], in the order of impression and rank.
        """
        order, ranks = self._order(clicks_first=clicks_first)
        clicked = self.clicked[order]
        return ranks[clicked], self.impressions[clicked]

    def ranks(self) -> Indices:
        """Return the rank of each item in its impression, from 1; a clicked item comes after others of the same score.

        Returns:
            int64 [shown].
        """
        order, in_order = self._order(clicks_first=False)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = in_order
        return ranks

    def _order(self, *, clicks_first: bool) -> tuple[Indices, Indices]:
        """Return the items in the order of impression and rank, and their ranks in this order, both [shown]."""
        ties = ~self.clicked if clicks_first else self.clicked
        order = np.lexsort((ties, -np.asarray(self.scores, np.float64), self.impressions))
        return order, np.arange(1, len(order) + 1) - self.offsets[self.impressions]

    def _count(self, mask: npt.NDArray[np.bool_]) -> Indices:
        return np.bincount(self.impressions[mask], minlength=len(self))


class ImpressionSummary(NamedTuple):
    """Means over impressions, and how many impressions have no value."""

    means: dict[str, float]  # NaN where no impression has a value
    impressions: int
    only_clicks: int  # impressions without a non-clicked item: they have no AUC
    without_clicks: int  # impressions without a click, also empty ones: they have no value at all


def impression_auc(shown: ScoredImpressions) -> Floats:
    """Return the area under the ROC curve of each impression.

    It is the fraction of the pairs of a clicked and a non-clicked item in which the clicked one has the higher score.
    A pair with equal scores counts half. It is computed from the sum of the ranks (Mann and Whitney 1947).

    Args:
        shown: the impressions with their scores.

    Returns:
        Float64 [impressions], NaN for an impression with only clicks or without a click.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import ScoredImpressions, impression_auc
        >>> clicked, scores = np.array([0, 1, 0, 1], bool), np.array([3.0, 2.0, 1.0, 1.0])
        >>> impression_auc(ScoredImpressions(np.array([0, 3, 4]), clicked, scores))  # below one, above the other
        array([0.5, nan])
    """
    pairs, clicks = shown.clicks * shown.non_clicks, shown.clicks
    lost = np.zeros(len(shown))
    for clicks_first in (False, True):  # a tied pair is lost in one of the two
        ranks, impressions = shown.click_ranks(clicks_first=clicks_first)
        rank_sums = np.bincount(impressions, ranks, len(shown))
        lost += (rank_sums - clicks * (clicks + 1) / 2) / 2
    return divide(pairs - lost, pairs)


def impression_mrr(shown: ScoredImpressions) -> Floats:
    """Return the mean reciprocal rank of each impression's clicked items.

    MIND's MRR is the mean of 1 / rank over all clicked items of an impression. The `MRR` of recommended lists counts
    the first hit only. Both are equal for one click.

    Args:
        shown: the impressions with their scores.

    Returns:
        Float64 [impressions], NaN for an impression without a click.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import ScoredImpressions, impression_mrr
        >>> clicked, scores = np.array([1, 1, 0, 0], bool), np.array([9.0, 2.0, 3.0, 2.0])
        >>> impression_mrr(ScoredImpressions(np.array([0, 4]), clicked, scores))  # (1 + 1 / 4) / 2
        array([0.625])
    """
    ranks, impressions = shown.click_ranks()
    return divide(np.bincount(impressions, 1.0 / ranks, len(shown)), shown.clicks)


def impression_ndcg(shown: ScoredImpressions, k: int) -> Floats:
    """Return the normalized discounted cumulative gain of each impression (Järvelin and Kekäläinen 2002).

    DCG@k is the sum of 1 / log2(rank + 1) over the clicked items of rank k or better. It is divided by the DCG@k of
    an order that starts with all clicked items.

    Args:
        shown: the impressions with their scores.
        k: the number of items of an impression that count.

    Returns:
        Float64 [impressions], NaN for an impression without a click.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import ScoredImpressions, impression_ndcg
        >>> clicked, scores = np.array([0, 1, 0], bool), np.array([3.0, 2.0, 1.0])
        >>> impression_ndcg(ScoredImpressions(np.array([0, 3]), clicked, scores), k=5).round(4)  # 1 / log2(3)
        array([0.6309])
    """
    ranks, impressions = shown.click_ranks()
    gains = np.where(ranks <= k, 1.0 / np.log2(1.0 + ranks), 0.0)
    ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])[np.minimum(shown.clicks, k)]
    return divide(np.bincount(impressions, gains, len(shown)), ideal)


def impression_values(shown: ScoredImpressions, ks: Sequence[int] = KS) -> dict[str, Floats]:
    """Return the metrics of each impression: `auc`, `mrr`, and `ndcg@k` for each k.

    Args:
        shown: the impressions with their scores.
        ks: the numbers of items that count in NDCG.

    Returns:
        Float64 [impressions] for each metric, NaN where an impression has no value.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import ScoredImpressions, impression_values
        >>> shown = ScoredImpressions(np.array([0, 2]), np.array([True, False]), np.array([0.9, 0.1]))
        >>> {name: values.tolist() for name, values in impression_values(shown).items()}
        {'auc': [1.0], 'mrr': [1.0], 'ndcg@5': [1.0], 'ndcg@10': [1.0]}
    """
    ndcg = {f"ndcg@{k}": impression_ndcg(shown, k) for k in ks}
    return {"auc": impression_auc(shown), "mrr": impression_mrr(shown), **ndcg}


def summarize_impressions(shown: ScoredImpressions, ks: Sequence[int] = KS) -> ImpressionSummary:
    """Return the mean of each metric over the impressions that have a value, and count those that have none.

    Args:
        shown: the impressions with their scores.
        ks: the numbers of items that count in NDCG.

    Returns:
        The means and the counts.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import ScoredImpressions, summarize_impressions
        >>> clicked = np.array([0, 1, 1], bool)
        >>> summary = summarize_impressions(ScoredImpressions(np.array([0, 2, 3]), clicked, np.array([0.9, 0.1, 0.5])))
        >>> summary.means["auc"], summary.means["mrr"], summary.only_clicks
        (0.0, 0.75, 1)
    """
    means = {}
    for name, values in impression_values(shown, ks).items():
        valid = values[~np.isnan(values)]
        means[name] = float(valid.mean()) if len(valid) else float("nan")
    return ImpressionSummary(
        means=means,
        impressions=len(shown),
        only_clicks=int(((shown.clicks > 0) & (shown.non_clicks == 0)).sum()),
        without_clicks=int((shown.clicks == 0).sum()),
    )

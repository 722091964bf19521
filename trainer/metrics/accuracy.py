"""Accuracy metrics: how many targets are in a list, and how far up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.metrics.lists import Floats, Ids, Lists
from trainer.metrics.metric import Metric, divide, first_hits, nan_without_target

ABSENT = np.iinfo(np.int64).max  # the rank of a target that is not in the list


class Recall(Metric):
    """Fraction of the targets that are among the first k items.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists, Recall
        >>> catalogue = Catalogue(np.array(["a", "b", "c"], object), np.ones(3, int), np.ones(3, int), all_users=1)
        >>> lists = Lists(np.array([["b", "a"]], object), targets=[["a", "c"]], histories=[[]], catalogue=catalogue)
        >>> Recall(k=2)(lists)
        array([0.5])
    """

    def _values(self, lists: Lists) -> Floats:
        return divide(first_hits(self, lists).sum(axis=1), lists.relevant)


class Precision(Metric):
    """Number of targets among the first k items, divided by k.

    A list that has fewer than k items is divided by k too.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists, Precision
        >>> catalogue = Catalogue(np.array(["a", "b", "c"], object), np.ones(3, int), np.ones(3, int), all_users=1)
        >>> lists = Lists(np.array([["b", "a"]], object), targets=[["a"]], histories=[[]], catalogue=catalogue)
        >>> Precision(k=2)(lists)
        array([0.5])
    """

    def _values(self, lists: Lists) -> Floats:
        return nan_without_target(lists, first_hits(self, lists).sum(axis=1) / self.k)


class HitRate(Metric):
    """1 where at least one target is among the first k items, else 0.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, HitRate, Lists
        >>> catalogue = Catalogue(np.array(["a", "b", "c"], object), np.ones(3, int), np.ones(3, int), all_users=1)
        >>> lists = Lists(np.array([["b", "a"]], object), targets=[["a", "c"]], histories=[[]], catalogue=catalogue)
        >>> HitRate(k=2)(lists)
        array([1.])
    """

    def _values(self, lists: Lists) -> Floats:
        return nan_without_target(lists, (first_hits(self, lists).sum(axis=1) > 0).astype(np.float64))


class NDCG(Metric):
    """Normalized discounted cumulative gain with binary relevance (Järvelin and Kekäläinen 2002).

    DCG@k is the sum over the hits of 1 / log2(rank + 1), with ranks from 1. It is
    divided by the DCG@k of a list that starts with all targets.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import NDCG, Catalogue, Lists
        >>> catalogue = Catalogue(np.array(["a", "b", "c"], object), np.ones(3, int), np.ones(3, int), all_users=1)
        >>> lists = Lists(np.array([["b", "a"]], object), targets=[["a"]], histories=[[]], catalogue=catalogue)
        >>> NDCG(k=2)(lists).round(4)
        array([0.6309])
    """

    def _values(self, lists: Lists) -> Floats:
        gains = _gains(np.arange(1, self.k + 1))
        ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(lists.relevant, self.k)]
        hits = first_hits(self, lists)
        # A matrix product rounds differently for rows of different batches.
        return divide((hits * gains[: hits.shape[1]]).sum(axis=1), ideal)


class MRR(Metric):
    """Reciprocal rank: 1 / rank of the first hit, 0 without a hit among the first k items.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import MRR, Catalogue, Lists
        >>> catalogue = Catalogue(np.array(["a", "b", "c"], object), np.ones(3, int), np.ones(3, int), all_users=1)
        >>> lists = Lists(np.array([["b", "a"]], object), targets=[["a"]], histories=[[]], catalogue=catalogue)
        >>> MRR(k=2)(lists)
        array([0.5])
    """

    def _values(self, lists: Lists) -> Floats:
        hits = first_hits(self, lists)
        ranks = 1.0 / np.arange(1, hits.shape[1] + 1)
        return nan_without_target(lists, (hits * ranks).max(axis=1, initial=0.0))


class MAP(Metric):
    """Average precision: the sum of the precisions at the hits, divided by the number of targets.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import MAP, Catalogue, Lists
        >>> catalogue = Catalogue(np.array(["a", "b", "c"], object), np.ones(3, int), np.ones(3, int), all_users=1)
        >>> lists = Lists(np.array([["b", "a"]], object), targets=[["a", "c"]], histories=[[]], catalogue=catalogue)
        >>> MAP(k=2)(lists)  # the precision at rank 2 is 1 / 2, and there are two targets
        array([0.25])
    """

    def _values(self, lists: Lists) -> Floats:
        hits = first_hits(self, lists)
        precisions = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
        return divide((hits * precisions).sum(axis=1), lists.relevant)


def recall_and_ndcg(ranks: npt.NDArray[np.int64], k: int) -> tuple[Floats, Floats]:
    """Return recall@k and NDCG@k of queries with one target each.

    The values equal those of `Recall` and `NDCG`. Validation and the gate know only the targets' ranks.

    Args:
        ranks: int64 [n], the rank of each target, from 1; `ABSENT` where it is not in the list.
        k: the number of items of a list that count.

    Returns:
        Recall and NDCG of each query, both float64 [n].

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import recall_and_ndcg
        >>> recall, ndcg = recall_and_ndcg(np.array([1, 2, 30]), k=10)
        >>> recall
        array([1., 1., 0.])
        >>> ndcg.round(4)
        array([1.    , 0.6309, 0.    ])
    """
    hits = ranks <= k
    return hits.astype(np.float64), np.where(hits, _gains(ranks), 0.0)


def target_ranks(ranked: Ids, targets: Ids) -> npt.NDArray[np.int64]:
    """Return the rank of each list's target.

    Args:
        ranked: ids [n, depth], best first, each at most once in a list.
        targets: ids [n].

    Returns:
        int64 [n], from 1; `ABSENT` where the target is not in the list.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import target_ranks
        >>> target_ranks(np.array([["a", "b"], ["a", "c"]], object), np.array(["b", "a"], object))
        array([2, 1])
    """
    hits = ranked == targets[:, np.newaxis]
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1 if ranked.shape[1] else ABSENT, ABSENT)


def _gains(ranks: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the gain of a hit at each rank."""
    return 1.0 / np.log2(1.0 + ranks)

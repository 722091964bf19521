"""Metrics of ranked lists over a whole catalogue, one target a list. NumPy only.

`ranked` is [n, at least k]: the recommended ids, best first, strings or
integers, padded with None or empty strings where fewer were found. `targets`
is [n]. With one target, recall is the hit rate and NDCG's ideal is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

K = 10  # the length of the lists that validation, the gate and run.json judge

Ids = npt.NDArray[Any]
Values = npt.NDArray[np.float64]


def recall(ranked: Ids, targets: Ids, k: int) -> Values:
    """1 where the target is among the first k, else 0. [n]"""
    return np.isfinite(_rank(ranked, targets, k)).astype(np.float64)


def ndcg(ranked: Ids, targets: Ids, k: int) -> Values:
    """1 / log2(rank + 1), ranks counted from 1; 0 without a hit among the first k. [n]"""
    return 1.0 / np.log2(_rank(ranked, targets, k) + 1.0)


def mrr(ranked: Ids, targets: Ids, k: int) -> Values:
    """1 / rank; 0 without a hit among the first k. [n]"""
    return 1.0 / _rank(ranked, targets, k)


def precision(ranked: Ids, targets: Ids, k: int) -> Values:
    """The share of the k recommendations that are the target. [n]"""
    return recall(ranked, targets, k) / k


def coverage(ranked: Ids, catalogue_size: int, k: int) -> float:
    """The share of the catalogue that is recommended to anyone."""
    return len(set(ranked[:, :k].ravel().tolist()) - {None, "", b""}) / catalogue_size


METRICS: Mapping[str, Callable[[Ids, Ids, int], Values]] = {
    "recall": recall,
    "ndcg": ndcg,
    "mrr": mrr,
    "precision": precision,
}


def summary(ranked: Ids, targets: Ids, catalogue_size: int, k: int = 10) -> dict[str, float]:
    """The means over the lists, with coverage, under the names `recall@10` and so on; NaN without a list."""
    means = {
        f"{name}@{k}": float(metric(ranked, targets, k).mean()) if len(targets) else float("nan")
        for name, metric in METRICS.items()
    }
    return {**means, f"coverage@{k}": coverage(ranked, catalogue_size, k)}


def _rank(ranked: Ids, targets: Ids, k: int) -> Values:
    """The first place of each target among the first k, from 1; infinite where it is not there."""
    hits = np.asarray(ranked)[:, :k] == np.asarray(targets)[:, np.newaxis]
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)

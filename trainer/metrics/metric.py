"""The base class of the metrics that give each list a value, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.metrics.lists import Floats, Lists


@dataclass(frozen=True)
class Metric(ABC):
    """A value for each list, computed from its first k items.

    A metric of a run is the mean over the lists that have a value.

    Args:
        k: the number of items of a list that count.
    """

    k: int

    def __call__(self, lists: Lists) -> Floats:
        """Return the value of each list, float64 [n]; NaN where a list has none."""
        return self._values(lists)

    @abstractmethod
    def _values(self, lists: Lists) -> Floats: ...


def first_k(metric: Metric, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the columns that count, [n, depth] to [n, min(k, depth)]."""
    return values[:, : metric.k]


def first_hits(metric: Metric, lists: Lists) -> npt.NDArray[np.bool_]:
    """Return which of the first k items are targets, [n, min(k, depth)]."""
    return lists.hits[:, : metric.k]


def divide(parts: npt.NDArray[Any], wholes: npt.NDArray[Any]) -> Floats:
    """Return parts / wholes, NaN where the whole is 0."""
    return np.divide(parts, wholes, out=np.full(np.shape(parts), np.nan), where=np.asarray(wholes) > 0)


def nan_without_target(lists: Lists, values: Floats) -> Floats:
    """Return the values, NaN for each list without a target."""
    return np.where(lists.relevant > 0, values, np.nan)

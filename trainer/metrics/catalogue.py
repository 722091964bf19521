"""Metrics of the whole catalogue: one value for how often each item is recommended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.metrics.lists import Floats
from trainer.metrics.metric import divide


@dataclass(frozen=True)
class CatalogueMetric(ABC):
    """One value from 0 to 1, computed from how many lists hold each item among their first k.

    Args:
        k: the number of items of a list that count.
    """

    k: int

    def __call__(self, exposures: npt.NDArray[Any]) -> Floats:
        """Return the value of each row of exposures.

        Args:
            exposures: [..., items], one column for every item of the catalogue, see `count_exposures`.

        Returns:
            float64 [...].
        """
        return self._value(exposures)

    @abstractmethod
    def _value(self, exposures: npt.NDArray[Any]) -> Floats: ...


class Coverage(CatalogueMetric):
    """Fraction of the catalogue that is recommended to at least one user.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Coverage
        >>> float(Coverage(k=10)(np.array([3, 0, 1, 0])))
        0.5
    """

    def _value(self, exposures: npt.NDArray[Any]) -> Floats:
        return np.asarray((exposures > 0).sum(axis=-1) / max(exposures.shape[-1], 1))


class Gini(CatalogueMetric):
    """Gini coefficient of the exposures: 0 where all items have the same, near 1 where few items have all.

    Σ (2i - n - 1) x_i / (n Σ x_i), i = 1..n by ascending x_i; NaN where nothing is recommended.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Gini
        >>> Gini(k=10)(np.array([[2, 2, 2, 2], [0, 0, 0, 8]]))
        array([0.  , 0.75])
    """

    def _value(self, exposures: npt.NDArray[Any]) -> Floats:
        count = exposures.shape[-1]
        # Most items of a large catalogue are in no list. They come first in the ascending order, and add nothing.
        shown = exposures[..., exposures.any(axis=tuple(range(exposures.ndim - 1)))]
        ascending, ranks = np.sort(shown, axis=-1), np.arange(count - shown.shape[-1] + 1, count + 1)
        return divide(ascending @ (2.0 * ranks - count - 1), count * ascending.sum(axis=-1))


def count_exposures(indices: npt.NDArray[np.int64], k: int, item_count: int) -> npt.NDArray[np.int64]:
    """Count the lists that hold each item among their first k.

    Args:
        indices: [n, depth], the items' indices in the catalogue as `Lists.indices` has them; -1 for no item.
        k: the number of items of a list that count.
        item_count: the number of items of the catalogue.

    Returns:
        int64 [item_count].

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import count_exposures
        >>> count_exposures(np.array([[0, 2], [2, -1]]), k=2, item_count=4)
        array([1, 0, 2, 0])
    """
    first = indices[:, :k]
    return np.bincount(first[first >= 0], minlength=item_count)

"""Items that have expired at the time of a query: no system of an evaluation recommends them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.evaluator.query_results import Results
from serving.export.recommender import EXPIRES_S
from trainer.metrics import catalogue_indices
from trainer.metrics.lists import Ids, Indices

Times = npt.NDArray[np.int64]

_ITEMS_AT_ONCE = 10_000


class Expiry:
    """The times at which the items of a catalogue expire.

    Args:
        expires_s: int64 [items], seconds since 1970.

    Example:
        >>> Expiry(np.array([30, 10, 20])).expired(np.array([5, 20]))
        [array([], dtype=int64), array([1, 2])]
    """

    def __init__(self, expires_s: Times) -> None:
        self._expires_s = expires_s
        self._order = np.argsort(expires_s, kind="stable")
        self._ascending = expires_s[self._order]

    def expired(self, times_s: Times) -> list[Indices]:
        """Return the items that have expired at each time, as catalogue indices.

        Args:
            times_s: int64 [n], seconds since 1970.

        Returns:
            The indices for each time, the item that expired first at the front.
        """
        ends = np.searchsorted(self._ascending, times_s, side="right")
        return [self._order[:end] for end in ends]  # views: each query needs no memory of its own

    def count_targets(self, results: Results, catalogue: Ids) -> int:
        """Return the number of targets that have expired at the time of their query. Each one is a miss.

        Args:
            results: the results of each query.
            catalogue: the ids of the items.
        """
        targets, times_s = results.targets(), results.times_s
        indices = catalogue_indices(np.array([item for items in targets for item in items], dtype=object), catalogue)
        known, asked_s = indices >= 0, np.repeat(times_s, [len(items) for items in targets])
        return int((self._expires_s[indices[known]] <= asked_s[known]).sum())


def read_expiry(model: Any, items: Ids) -> Expiry | None:
    """Return when the items of a catalogue expire; None if those of the model do not.

    Args:
        model: a saved model.
        items: item ids.
    """
    embed = model.signatures["embed"]
    if EXPIRES_S not in embed.structured_outputs:
        return None
    parts = [items[start : start + _ITEMS_AT_ONCE].tolist() for start in range(0, len(items), _ITEMS_AT_ONCE)]
    return Expiry(np.concatenate([embed(item_ids=tf.constant(part))[EXPIRES_S].numpy() for part in parts]))

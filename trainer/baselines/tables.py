"""The tables that the baselines read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from trainer.metrics.lists import Floats, Ids


@dataclass(frozen=True)
class ItemCounts:
    """What is counted for each of n items; an item's index is its position in `items`.

    Args:
        items: the ids of the catalogue, str [n], sorted.
        interactions: int64 [n], the number of training targets that are the item.
        users: int64 [n], the number of users with the item in their training sequences.
        all_users: the number of users with training sequences.
        recent: float64 [n], `interactions` where older ones count less.
        features: by name, further columns that belong to the item, each [n].
    """

    items: Ids
    interactions: npt.NDArray[np.int64]
    users: npt.NDArray[np.int64]
    all_users: int
    recent: Floats
    features: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Tables(ItemCounts):
    """All counts of the training split.

    Args:
        transitions: for each distance of `constants.DISTANCES`, [n, n]: how often the column's item came that
            many positions after the row's item.
        neighbours: [n, n], the highest cosines of each item with others.
        sessions: [sessions, n], 1 for the items of a training sequence; the most recent sequence first.
    """

    transitions: Sequence[sparse.csr_matrix]
    neighbours: sparse.csr_matrix
    sessions: sparse.csr_matrix

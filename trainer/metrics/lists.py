"""Recommended lists, and what is known of the items in them: all that the metrics of trainer.metrics.metrics read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ids = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Every item that can be recommended.

    Args:
        items: their ids, distinct.
        interactions: int64 [items], how often each was interacted with in the training split.
        users: int64 [items], how many users of the training split did.
        all_users: how many users the training split has.
        categories: 0 or 1, [items, categories]; None where items have none.
        vectors: float [items, dim], what items are compared by where they have no categories.
    """

    items: Ids
    interactions: npt.NDArray[np.int64]
    users: npt.NDArray[np.int64]
    all_users: int
    categories: sparse.csr_matrix | None = None
    vectors: npt.NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {item: row for row, item in enumerate(self.items)}

    def rows(self, ids: Ids) -> npt.NDArray[np.int64]:
        """The place of each id in `items`; -1 for what is not in the catalogue."""
        found = [self._row_of.get(item, -1) for item in ids.ravel()]
        return np.array(found, dtype=np.int64).reshape(ids.shape)


@dataclass(frozen=True, eq=False)
class Lists:
    """What was recommended to some users, and what they did then.

    Args:
        ranked: strings [n, depth], best first, filled up with None or empty strings.
        targets: of each list, the items that followed; none where nothing did.
        histories: of each list, the items that the user had seen.
        catalogue: the items.
    """

    ranked: Ids
    targets: Sequence[Collection[str]]
    histories: Sequence[Collection[str]]
    catalogue: Catalogue

    def __len__(self) -> int:
        return len(self.ranked)

    @cached_property
    def hits(self) -> npt.NDArray[np.bool_]:
        """Where a target stands. [n, depth]"""
        return self._holds(self.targets)

    @cached_property
    def repeats(self) -> npt.NDArray[np.bool_]:
        """Where an item of the history stands. [n, depth]"""
        return self._holds(self.histories)

    @cached_property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Where any item stands. [n, depth]"""
        return self.ranked.astype(np.bool_)

    @cached_property
    def relevant(self) -> npt.NDArray[np.int64]:
        """How many distinct targets each list has. [n]"""
        return np.array([len(set(targets)) for targets in self.targets], dtype=np.int64)

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Places in the catalogue, -1 where there is no item or an unknown one. [n, depth]"""
        return self.catalogue.rows(self.ranked)

    def _holds(self, sets: Sequence[Collection[str]]) -> npt.NDArray[np.bool_]:
        pairs = zip(self.ranked, map(set, sets), strict=True)
        found = [[bool(item) and item in some for item in row] for row, some in pairs]
        return np.array(found, dtype=np.bool_).reshape(self.ranked.shape)

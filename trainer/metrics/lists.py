"""Recommended lists, and what is known of the items in them: the input of every metric."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Ids = npt.NDArray[np.object_]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Every item that can be recommended.

    Args:
        items: the items' ids, str [items], distinct.
        interactions: int64 [items], the number of interactions with each item in the training split.
        users: int64 [items], the number of users of the training split who interacted with each item.
        all_users: the number of users of the training split.
        categories: 0 or 1, [items, categories]; None where items have none.
        vectors: float [items, dim], compared where items have no categories; may be None.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue
        >>> catalogue = Catalogue(np.array(["a", "b"], object), np.array([6, 2]), np.array([4, 2]), all_users=4)
        >>> len(catalogue)
        2
        >>> catalogue.indices(np.array(["b", "unknown", None], object))
        array([ 1, -1, -1])
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
    def _index(self) -> pd.Index:
        return pd.Index(self.items, dtype=object)

    def indices(self, ids: Ids) -> Indices:
        """Return the index of each id in `items`; -1 for an id that is not in the catalogue."""
        return catalogue_indices(ids, self._index)


@dataclass(frozen=True, eq=False)
class Lists:
    """Recommended lists of some users, and the items that followed.

    Args:
        ranked: str [n, depth], best first, padded with None or empty strings.
        targets: for each list, the items that followed; may be empty.
        histories: for each list, the items that the user had seen.
        catalogue: the items that can be recommended.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists
        >>> catalogue = Catalogue(np.array(["a", "b"], object), np.array([6, 2]), np.array([4, 2]), all_users=4)
        >>> ranked = np.array([["b", "a"], ["a", None]], object)
        >>> lists = Lists(ranked, targets=[["a"], ["b"]], histories=[["b"], []], catalogue=catalogue)
        >>> lists.hits
        array([[False,  True],
               [False, False]])
        >>> lists.indices
        array([[ 1,  0],
               [ 0, -1]])
    """

    ranked: Ids
    targets: Sequence[Collection[str]]
    histories: Sequence[Collection[str]]
    catalogue: Catalogue

    def __len__(self) -> int:
        return len(self.ranked)

    @cached_property
    def hits(self) -> npt.NDArray[np.bool_]:
        """Which recommended items are targets, [n, depth]."""
        return self._members(self.targets)

    @cached_property
    def repeats(self) -> npt.NDArray[np.bool_]:
        """Which recommended items are in the history, [n, depth]."""
        return self._members(self.histories)

    @cached_property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Which positions hold an item, [n, depth]."""
        return self.ranked.astype(np.bool_)

    @cached_property
    def relevant(self) -> npt.NDArray[np.int64]:
        """Number of distinct targets of each list, [n]."""
        return np.array([len(set(targets)) for targets in self.targets], dtype=np.int64)

    @cached_property
    def indices(self) -> Indices:
        """Indices of the items in the catalogue, -1 for padding and unknown items, [n, depth]."""
        return self.catalogue.indices(self.ranked)

    def _members(self, sets: Sequence[Collection[str]]) -> npt.NDArray[np.bool_]:
        pairs = zip(self.ranked, map(set, sets), strict=True)
        found = [[bool(item) and item in members for item in row] for row, members in pairs]
        return np.array(found, dtype=np.bool_).reshape(self.ranked.shape)


def catalogue_indices(ids: Ids, items: Ids | pd.Index) -> Indices:
    """Return the index of each id in the catalogue.

    Args:
        ids: str or None, any shape.
        items: the catalogue's ids, distinct. An index made once with `pd.Index(ids, dtype=object)` saves
            the time to hash them again.

    Returns:
        int64, of the shape of `ids`; -1 for None and for an id that is not in the catalogue.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import catalogue_indices
        >>> catalogue_indices(np.array([["b", "a"], ["z", None]], object), np.array(["a", "b"], object))
        array([[ 1,  0],
               [-1, -1]])
    """
    index = items if isinstance(items, pd.Index) else pd.Index(items, dtype=object)
    return np.asarray(index.get_indexer(ids.ravel()), np.int64).reshape(ids.shape)


def pad_lists(lists: Sequence[Sequence[str]], depth: int) -> Ids:
    """Return lists of different lengths as one array.

    Args:
        lists: the lists of item ids.
        depth: the number of columns; further items of a list are left out.

    Returns:
        str [lists, depth], padded on the right with None.

    Example:
        >>> from trainer.metrics import pad_lists
        >>> pad_lists([["a", "b", "c"], ["d"]], depth=2)
        array([['a', 'b'],
               ['d', None]], dtype=object)
    """
    padded = np.full((len(lists), depth), None, dtype=object)
    for row, items in enumerate(lists):
        padded[row, : len(items)] = items[:depth]
    return padded

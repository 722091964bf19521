"""What a report knows of items: titles, categories, how often they come in training, and what follows them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from components.baselines.tables import read_tables
from pipeline.display.titles import read_titles
from schemas.config import Config
from schemas.config.log import split_categories
from schemas.errors import InputError
from trainer.metrics.lists import Ids, catalogue_indices

Counts = npt.NDArray[np.int64]

POINTS = 200  # of a curve over the items


@dataclass(frozen=True, eq=False)
class KnownItems:
    """The catalogue.

    Args:
        ids: of all items, [n].
        interactions: how often each was interacted with in training, [n].
        followed: how often the column's item came right after the row's in training, [n, n].
        titles: by id, as far as they are known.
        categories: the first one of each item that has any, by id.
        note: why there are no titles, where there should be.
    """

    ids: Ids
    interactions: Counts
    followed: sparse.csr_matrix
    titles: Mapping[str, str]
    categories: Mapping[str, str]
    note: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.ids, dtype=object)

    def indices(self, items: Sequence[str]) -> Counts:
        """Return the index of each item in `ids`, [items]; -1 for an unknown one."""
        return catalogue_indices(np.array(items, dtype=object), self._index)

    @cached_property
    def order(self) -> Counts:
        """The places in `ids`, the item with the most interactions first. [n]"""
        return np.argsort(-self.interactions, kind="stable")

    @cached_property
    def ranks(self) -> Counts:
        """Of each item in that order, from 1. [n]"""
        ranks = np.empty(len(self), np.int64)
        ranks[self.order] = np.arange(1, len(self) + 1)
        return ranks

    def title(self, item: str) -> str:
        """The title, or the id where there is none."""
        return self.titles.get(item) or item

    def head_share(self, part: float) -> float:
        """Which share of the interactions the most popular `part` of the items has, of one item at least."""
        head = self.order[: max(1, round(part * len(self)))]
        return float(self.interactions[head].sum() / max(self.interactions.sum(), 1))

    def count(self, items: Sequence[str]) -> Counts:
        """How often each item of the catalogue is among these, [n]; others are left out."""
        indices = self.indices(items)
        return np.bincount(indices[indices >= 0], minlength=len(self)).astype(np.int64)


def read_items(config: Config, counts: str) -> KnownItems:
    """Reads the items.

    Args:
        config: says where titles are, and which columns are categories.
        counts: the folder that the component Baselines wrote.
    """
    tables = read_tables(counts)
    titles, note = {}, ""
    try:
        titles = read_titles(config.data.items)
    except InputError as error:  # the run is over and the table may be gone; what was measured stays
        note = f"Items are shown by their ids, since their table could not be read (received: {error.received})."
    return KnownItems(
        ids=np.asarray(tables.items, dtype=object),
        interactions=np.asarray(tables.interactions, np.int64),
        followed=tables.transitions[0].tocsr(),
        titles=titles,
        categories=_categories(tables.items, tables.features, config.evaluator_config.categories),
        note=note,
    )


def concentration(counts: Counts, order: Counts) -> tuple[list[int], list[float]]:
    """Which share of all counts the first items have.

    Args:
        counts: of each item, [n].
        order: the items' places, [n].

    Returns:
        Numbers of items, from 1 to n, denser at the beginning, and the shares; none where nothing was counted.
    """
    if not counts.sum():
        return [], []
    numbers = np.unique(np.geomspace(1, len(order), POINTS).round().astype(np.int64))
    shares = np.cumsum(counts[order]) / counts.sum()
    return numbers.tolist(), shares[numbers - 1].tolist()


def _categories(
    ids: Ids, features: Mapping[str, npt.NDArray[Any]], columns: Sequence[tuple[str, str | None]]
) -> dict[str, str]:
    """By item, the first name in the first of the columns that has one."""
    found: dict[str, str] = {}
    for name, separator in columns:
        for item, value in zip(ids, features[name], strict=True):
            for category in split_categories(value, separator)[:1]:
                found.setdefault(item, category)
    return found

"""The catalogue in a report: titles, categories, and counts of the training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from components.baselines.tables import read_tables
from components.evaluator.item_columns import item_categories, read_item_values
from pipeline.display.titles import read_titles
from schemas.config import Config
from schemas.config.evaluation import EvaluatorConfig
from schemas.errors import InputError
from trainer.baselines.tables import ItemCounts
from trainer.metrics.lists import Ids, catalogue_indices

Counts = npt.NDArray[np.int64]

POINTS = 200  # the most points of a curve over the items


@dataclass(frozen=True, eq=False)
class KnownItems:
    """The catalogue.

    Args:
        ids: the ids of all items, [n].
        interactions: the number of interactions of each item in training, [n].
        followed: how often the column's item directly followed the row's item in training, [n, n].
        titles: known titles by id.
        categories: the categories of each item that has any, by id, in the order of the columns.
        note: why titles are missing although a table is configured.
    """

    ids: Ids
    interactions: Counts
    followed: sparse.csr_matrix
    titles: Mapping[str, str]
    categories: Mapping[str, Sequence[str]]
    note: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.ids, dtype=object)

    def indices(self, items: Sequence[str]) -> Counts:
        """Return the index of each item in `ids`, [items]; -1 for an unknown item.

        Args:
            items: item ids.
        """
        return catalogue_indices(np.array(items, dtype=object), self._index)

    @cached_property
    def order(self) -> Counts:
        """The indices in `ids`, the item with the most interactions first, [n]."""
        return np.argsort(-self.interactions, kind="stable")

    @cached_property
    def ranks(self) -> Counts:
        """The popularity rank of each item, from 1, [n]."""
        ranks = np.empty(len(self), np.int64)
        ranks[self.order] = np.arange(1, len(self) + 1)
        return ranks

    def title(self, item: str) -> str:
        """Return the title of an item, or its id if it has no title."""
        return self.titles.get(item) or item

    def head_share(self, part: float) -> float:
        """Return the fraction of the interactions that belongs to the most popular items.

        Args:
            part: the fraction of the items; at least one item counts.
        """
        head = self.order[: max(1, round(part * len(self)))]
        return float(self.interactions[head].sum() / max(self.interactions.sum(), 1))

    def count(self, items: Sequence[str]) -> Counts:
        """Count how often each item of the catalogue occurs, [n]; unknown ids are left out.

        Args:
            items: item ids.
        """
        indices = self.indices(items)
        return np.bincount(indices[indices >= 0], minlength=len(self)).astype(np.int64)


def read_items(config: Config, counts: str, table: str | None) -> KnownItems:
    """Read the catalogue of a run.

    Args:
        config: the configuration, with the items table and its category columns.
        counts: the output folder of the component Baselines.
        table: the output folder of the component ItemTable; None without a table of items.

    Returns:
        The catalogue.
    """
    tables = read_tables(counts)
    titles, note = {}, ""
    try:
        titles = read_titles(config.data.items)
    except InputError as error:  # the table may be deleted after the run; the report needs only its titles
        note = f"Items are shown by their ids, because their table could not be read (received: {error.received})."
    return KnownItems(
        ids=np.asarray(tables.items, dtype=object),
        interactions=np.asarray(tables.interactions, np.int64),
        followed=tables.transitions[0].tocsr(),
        titles=titles,
        categories=_categories(tables, table, config.evaluator_config),
        note=note,
    )


def concentration(counts: Counts, order: Counts) -> tuple[list[int], list[float]]:
    """Return the cumulative fraction of all counts over the first items of an order.

    Args:
        counts: the count of each item, [n].
        order: the indices of the items, [n].

    Returns:
        Numbers of items, from 1 to n and denser at the start, and the fractions. Both are empty if all counts are 0.

    Example:
        >>> concentration(np.array([1, 6, 0, 3]), np.array([1, 3, 0, 2]))
        ([1, 2, 3, 4], [0.6, 0.9, 1.0, 1.0])
    """
    if not counts.sum():
        return [], []
    numbers = np.unique(np.geomspace(1, len(order), POINTS).round().astype(np.int64))
    shares = np.cumsum(counts[order]) / counts.sum()
    return numbers.tolist(), shares[numbers - 1].tolist()


def _categories(counts: ItemCounts, table: str | None, evaluation: EvaluatorConfig) -> dict[str, list[str]]:
    """Return the categories of each item that has any, by id, from all columns."""
    found: dict[str, dict[str, None]] = {}
    for row, _, category in item_categories(counts, read_item_values(table, evaluation), evaluation):
        found.setdefault(counts.items[row], {})[category] = None
    return {item: list(categories) for item, categories in found.items()}

"""The items of all examples, with the values of their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.common.example_batches import ExampleColumns
from schemas.config.log import Feature

ItemFeatures = Mapping[bytes, tuple[Any, ...]]  # by item id, a value for each feature

_NONE = {"category": b"", "number": -np.inf}  # lower than any other value


def collect_items(columns: ExampleColumns, features: Sequence[Feature]) -> ItemFeatures:
    """Return the items of a batch with the greatest value of each feature.

    Args:
        columns: a batch of examples of any split.
        features: its further columns, which belong to the item: their value is the same in every interaction.

    Returns:
        By item id, a value for each feature.
    """
    none = tuple(_NONE[feature.kind] for feature in features)
    values = [
        column if feature.kind == "category" else np.where(np.isnan(column), -np.inf, column)
        for feature, column in zip(features, columns.further, strict=True)
    ]
    rows = pd.DataFrame(dict(enumerate([columns.items, *values]))).drop_duplicates()
    known = ({columns.ids[row[0]]: row[1:]} for row in rows.itertuples(index=False, name=None))
    return merge_items([dict.fromkeys(columns.other_ids, none), *known])


def merge_items(parts: Sequence[ItemFeatures]) -> ItemFeatures:
    """Return all items, with the greatest of their values."""
    merged: dict[bytes, tuple[Any, ...]] = {}
    for part in parts:
        for item, values in part.items():
            known = merged.get(item)
            merged[item] = values if known is None else tuple(map(max, known, values))
    return merged


def index_items(items: ItemFeatures) -> dict[bytes, int]:
    """Return the index of each item in the order of the ids."""
    return {item: index for index, item in enumerate(sorted(items))}


def feature_columns(items: ItemFeatures, features: Sequence[Feature]) -> dict[str, npt.NDArray[Any]]:
    """Return the items' values as columns.

    Args:
        items: all items.
        features: the features of their values, in the same order.

    Returns:
        By feature, a value for each item in the order of the ids: str, "" for none, or float32, NaN for none.
    """
    columns: dict[str, npt.NDArray[Any]] = {}
    for position, feature in enumerate(features):
        values = [items[item][position] for item in sorted(items)]
        if feature.kind == "category":
            columns[feature.name] = np.array([value.decode() for value in values], dtype=object)
        else:
            numbers = np.array(values, np.float32)
            columns[feature.name] = np.where(np.isneginf(numbers), np.float32(np.nan), numbers)
    return columns

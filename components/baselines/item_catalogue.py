"""The items of all examples, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.common.example_batches import Batch, parse_examples
from schemas.config.log import Feature

ItemFeatures = Mapping[bytes, tuple[Any, ...]]  # by item id, a value for each feature

_NONE = {"category": b"", "number": -np.inf}  # lower than any other value


def describe_items(batch: Batch, features: Sequence[Feature]) -> ItemFeatures:
    """The items of a batch, with their greatest values: that of a feature which is the same wherever they come."""
    columns = parse_examples(batch, features)
    none = tuple(_NONE[feature.kind] for feature in features)
    values = [
        column if feature.kind == "category" else np.where(np.isnan(column), -np.inf, column)
        for feature, column in zip(features, columns.further, strict=True)
    ]
    rows = set(zip(columns.item_ids.tolist(), *(column.tolist() for column in values), strict=True))
    return merge_items([dict.fromkeys(columns.other_ids.tolist(), none), *({row[0]: row[1:]} for row in rows)])


def merge_items(parts: Sequence[ItemFeatures]) -> ItemFeatures:
    """All items, with the greater ones of their values."""
    merged: dict[bytes, tuple[Any, ...]] = {}
    for part in parts:
        for item, values in part.items():
            known = merged.get(item)
            merged[item] = values if known is None else tuple(map(max, known, values))
    return merged


def number_items(items: ItemFeatures) -> dict[bytes, int]:
    """An item's place in the order of the ids."""
    return {item: number for number, item in enumerate(sorted(items))}


def feature_columns(items: ItemFeatures, features: Sequence[Feature]) -> dict[str, npt.NDArray[Any]]:
    """By feature, the items' values in the order of the ids: str, "" for none, or float32, NaN for none."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for place, feature in enumerate(features):
        values = [items[item][place] for item in sorted(items)]
        if feature.kind == "category":
            columns[feature.name] = np.array([value.decode() for value in values], dtype=object)
        else:
            numbers = np.array(values, np.float32)
            columns[feature.name] = np.where(np.isneginf(numbers), np.float32(np.nan), numbers)
    return columns

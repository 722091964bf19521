"""A map of items: points in the plane, close together for similar vectors."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.report.items import KnownItems
from trainer.metrics.lists import Ids

Vectors = npt.NDArray[np.float32]

SHOWN = 2_000  # the most popular items
_COLOURS = 7  # categories with a colour of their own
OTHER = "other"


class MapGroup(NamedTuple):
    """The points of one colour.

    Args:
        category: their category; empty if no item has one.
        titles: the titles of the items.
        x: horizontal positions.
        y: vertical positions.
    """

    category: str
    titles: list[str]
    x: list[float]
    y: list[float]


class ItemMap(NamedTuple):
    """Items in the plane.

    Args:
        groups: the points, the largest category first; empty if a vector has NaN or infinity.
        explained: the fraction of the vectors' variance in these two dimensions.
        items: the number of items.
    """

    groups: list[MapGroup]
    explained: float
    items: int


def item_map(items: KnownItems, ids: Ids, vectors: Vectors) -> ItemMap:
    """Place items in the plane of their first two principal components.

    Args:
        items: the catalogue.
        ids: the items to show, [n].
        vectors: their unit vectors, [n, dim].

    Returns:
        The map.
    """
    if not np.isfinite(vectors).all():
        return ItemMap([], 0.0, len(ids))
    points, explained = principal_components(vectors)
    without = OTHER if items.categories else ""
    categories = [items.categories[item][0] if item in items.categories else without for item in ids]
    counted = Counter(category for category in categories if category != OTHER)
    shown = [category for category, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))][:_COLOURS]
    coloured = np.array([category if category in shown else OTHER for category in categories], dtype=object)
    groups = []
    for category in (*shown, OTHER):
        rows = np.flatnonzero(coloured == category)
        if len(rows):
            titles = [items.title(ids[row]) for row in rows]
            groups.append(MapGroup(category, titles, *points[rows].T.round(4).tolist()))
    return ItemMap(groups, explained, len(ids))


def principal_components(vectors: Vectors) -> tuple[npt.NDArray[np.float64], float]:
    """Return the first two principal components, [n, 2], and the fraction of the variance that they explain.

    The sign of each component makes its largest coordinate positive. So the map is always the same.

    Args:
        vectors: [n, dim].

    Returns:
        Coordinates, [n, 2], and the explained fraction of the variance.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0)
    left, strengths, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    found = (left * strengths)[:, :2]
    points[:, : found.shape[1]] = found
    largest = points[np.abs(points).argmax(axis=0), np.arange(2)]
    variance = np.square(strengths)
    return points * np.where(largest < 0, -1.0, 1.0), float(variance[:2].sum() / max(variance.sum(), 1e-12))

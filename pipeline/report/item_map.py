"""Items as points of a plane, near to each other where the network has learnt like vectors for them."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.report.items import KnownItems
from trainer.metrics.lists import Ids

Vectors = npt.NDArray[np.float32]

SHOWN = 2_000  # the most popular items
_COLOURS = 7  # categories that are told apart
OTHER = "other"


class Group(NamedTuple):
    """The points of one colour."""

    category: str  # empty where no item has any
    titles: list[str]
    x: list[float]
    y: list[float]


class Map(NamedTuple):
    """The plane."""

    groups: list[Group]  # the largest category first; none where the vectors are not all numbers
    explained: float  # share of the variance of the vectors that two dimensions show
    items: int


def item_map(items: KnownItems, ids: Ids, vectors: Vectors) -> Map:
    """Draws the map.

    Args:
        items: the catalogue.
        ids: the items to show, [n].
        vectors: of length 1, [n, dim].
    """
    if not np.isfinite(vectors).all():
        return Map([], 0.0, len(ids))
    points, explained = principal_components(vectors)
    categories = [items.categories.get(item, OTHER if items.categories else "") for item in ids]
    counted = Counter(category for category in categories if category != OTHER)
    shown = [category for category, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))][:_COLOURS]
    coloured = np.array([category if category in shown else OTHER for category in categories], dtype=object)
    groups = []
    for category in (*shown, OTHER):
        rows = np.flatnonzero(coloured == category)
        if len(rows):
            titles = [items.title(ids[row]) for row in rows]
            groups.append(Group(category, titles, *points[rows].T.round(4).tolist()))
    return Map(groups, explained, len(ids))


def principal_components(vectors: Vectors) -> tuple[npt.NDArray[np.float64], float]:
    """The first two principal components, [n, 2], and the share of the variance that they have.

    Each points to where its largest coordinate is positive, so that the map is the same every time.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0)
    left, strengths, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    found = (left * strengths)[:, :2]
    points[:, : found.shape[1]] = found
    largest = points[np.abs(points).argmax(axis=0), np.arange(2)]
    variance = np.square(strengths)
    return points * np.where(largest < 0, -1.0, 1.0), float(variance[:2].sum() / max(variance.sum(), 1e-12))

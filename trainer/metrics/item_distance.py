"""How different items are from each other: by their categories, else by their vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.metrics.lists import Catalogue, Floats

_NUMBERS = 1 << 24  # held at once: lists x items x categories


def mean_distance(catalogue: Catalogue, rows: npt.NDArray[np.int64]) -> Floats:
    """The mean distance over all pairs of each list's items.

    Args:
        catalogue: with categories or vectors; without either no list has a value.
        rows: [n, k], places in the catalogue, -1 for none.

    Returns:
        [n], NaN where fewer than two items are known.
    """
    width = catalogue.categories.shape[1] if catalogue.categories is not None else _dim(catalogue)
    if not width or not rows.size:
        return np.full(len(rows), np.nan)
    chunk = max(1, _NUMBERS // (rows.shape[1] * width))
    return np.concatenate([_of(catalogue, rows[start : start + chunk]) for start in range(0, len(rows), chunk)])


def _dim(catalogue: Catalogue) -> int:
    return 0 if catalogue.vectors is None else catalogue.vectors.shape[1]


def _of(catalogue: Catalogue, rows: npt.NDArray[np.int64]) -> Floats:
    known = rows >= 0
    if catalogue.categories is not None:
        held = catalogue.categories[rows.ravel()].toarray().reshape(*rows.shape, -1).astype(np.float64)
        common = held @ held.transpose(0, 2, 1)
        sizes = held.sum(axis=2)
        either = sizes[:, :, np.newaxis] + sizes[:, np.newaxis] - common
        alike = np.divide(common, either, out=np.zeros_like(common), where=either > 0)  # without categories: in none
    else:
        held = np.asarray(catalogue.vectors)[rows].astype(np.float64)
        held /= np.maximum(np.linalg.norm(held, axis=2, keepdims=True), np.finfo(np.float64).tiny)
        alike = held @ held.transpose(0, 2, 1)
    pairs = known[:, :, np.newaxis] & known[:, np.newaxis] & ~np.eye(rows.shape[1], dtype=np.bool_)
    count = pairs.sum(axis=(1, 2))
    total = np.where(pairs, 1.0 - alike, 0.0).sum(axis=(1, 2))
    return np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)

"""Distance between the items of a list, by their categories or their vectors."""

from __future__ import annotations

import numpy as np

from trainer.metrics.lists import Catalogue, Floats, Indices

_MAX_VALUES = 1 << 24  # in memory at once: lists x items x categories


def mean_distance(catalogue: Catalogue, indices: Indices) -> Floats:
    """Return the mean distance over all pairs of items of each list.

    Args:
        catalogue: a catalogue with categories or vectors; without either no list has a value.
        indices: int64 [n, k], the items' indices in the catalogue, -1 for no item.

    Returns:
        float64 [n], NaN for a list with fewer than two known items.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue
        >>> from trainer.metrics.item_distance import mean_distance
        >>> items, ones = np.array(["a", "b", "c"], object), np.ones(3, int)
        >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
        >>> catalogue = Catalogue(items, ones, ones, all_users=1, vectors=vectors)
        >>> mean_distance(catalogue, np.array([[0, 1], [0, 2], [0, -1]]))
        array([ 1.,  0., nan])
    """
    width = catalogue.categories.shape[1] if catalogue.categories is not None else _dim(catalogue)
    if not width or not indices.size:
        return np.full(len(indices), np.nan)
    chunk = max(1, _MAX_VALUES // (indices.shape[1] * width))
    parts = [indices[start : start + chunk] for start in range(0, len(indices), chunk)]
    return np.concatenate([_mean_distance(catalogue, part) for part in parts])


def _dim(catalogue: Catalogue) -> int:
    return 0 if catalogue.vectors is None else catalogue.vectors.shape[1]


def _mean_distance(catalogue: Catalogue, indices: Indices) -> Floats:
    known = indices >= 0
    if catalogue.categories is not None:
        held = catalogue.categories[indices.ravel()].toarray().reshape(*indices.shape, -1).astype(np.float64)
        common = held @ held.transpose(0, 2, 1)
        sizes = held.sum(axis=2)
        union = sizes[:, :, np.newaxis] + sizes[:, np.newaxis] - common
        # Two items without categories have none in common.
        similarity = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    else:
        held = np.asarray(catalogue.vectors)[indices].astype(np.float64)
        held /= np.maximum(np.linalg.norm(held, axis=2, keepdims=True), np.finfo(np.float64).tiny)
        similarity = held @ held.transpose(0, 2, 1)
    pairs = known[:, :, np.newaxis] & known[:, np.newaxis] & ~np.eye(indices.shape[1], dtype=np.bool_)
    count = pairs.sum(axis=(1, 2))
    total = np.where(pairs, 1.0 - similarity, 0.0).sum(axis=(1, 2))
    return np.divide(total, count, out=np.full(len(indices), np.nan), where=count > 0)

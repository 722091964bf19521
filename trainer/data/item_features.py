"""The content of items as arrays that are aligned with the ids of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.data.item_content import ItemContent, read_items

BUCKETS = 32  # of a number, with a similar number of items in each

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ItemFeatures:
    """The content of items by id. Row i belongs to id i, and row 0 to padding.

    Args:
        codes: by name, int64 [1 + items, n], the ids of an item's categories, or the bucket of its number; padded on
            the right with 0.
        vectors: by name, float32 [1 + items, length], with a mean of 0 and a mean square norm of 1; rows of NaN if
            missing.
    """

    codes: Mapping[str, Codes] = field(default_factory=dict)
    vectors: Mapping[str, Vectors] = field(default_factory=dict)


def read_item_features(folder: str, names: Sequence[str], vocabulary_file: str) -> ItemFeatures:
    """Read some columns of a table of items for the items of a vocabulary.

    Args:
        folder: the artifact of the component ItemTable.
        names: columns of categories, numbers and vectors.
        vocabulary_file: the vocabulary, one item per line.

    Returns:
        The content of the items.
    """
    with tf.io.gfile.GFile(vocabulary_file) as file:
        vocabulary = [line.rstrip("\n") for line in file]
    return align_items(read_items(folder), names, vocabulary)


def align_items(items: ItemContent, names: Sequence[str], vocabulary: Sequence[str]) -> ItemFeatures:
    """Align some columns of a table of items with a vocabulary.

    Categories, buckets and means come from the items of the vocabulary, each counted once. So nothing depends on items
    that the log lacks, nor on how often the log has an item.

    Args:
        items: the table.
        names: columns of categories, numbers and vectors.
        vocabulary: the items, in the order of their ids.

    Returns:
        The content of the items. An item that the table lacks has none.

    Example:
        >>> ids, genres = np.array(["a", "b"], dtype=object), [["war"], ["drama", "war"]]
        >>> items = ItemContent(ids, {}, {"genres": genres}, {}, None, {})
        >>> align_items(items, ["genres"], ["b", "new"]).codes["genres"].tolist()
        [[0, 0], [1, 2], [0, 0]]
    """
    row_of = {item: row for row, item in enumerate(items.ids)}
    rows = np.array([-1, *(row_of.get(item, -1) for item in vocabulary)], np.int64)
    codes: dict[str, Codes] = {}
    vectors: dict[str, Vectors] = {}
    for name in names:
        if name in items.categories:
            codes[name] = _category_ids(items.categories[name], rows)
        elif name in items.numbers:
            codes[name] = _buckets(items.numbers[name], rows)
        else:
            vectors[name] = _standardized(items.vectors[name], rows)
    return ItemFeatures(codes, vectors)


def _category_ids(categories: Sequence[Sequence[str]], rows: Rows) -> Codes:
    """Return the ids of each row's categories, which are numbered from 1 in alphabetical order."""
    of_rows = [categories[row] if row >= 0 else [] for row in rows.tolist()]
    id_of = {name: 1 + i for i, name in enumerate(sorted({name for names in of_rows for name in names}))}
    ids = np.zeros([len(rows), max([1, *map(len, of_rows)])], np.int64)
    for row, names in enumerate(of_rows):
        ids[row, : len(names)] = [id_of[name] for name in names]
    return ids


def _buckets(numbers: npt.NDArray[np.float64], rows: Rows) -> Codes:
    """Return the bucket of each row's number, from 1. A bucket contains its lower boundary."""
    aligned = np.where(rows >= 0, numbers[rows], np.nan)
    known = aligned[~np.isnan(aligned)]
    if not len(known):
        return np.zeros([len(rows), 1], np.int64)
    boundaries = np.unique(np.quantile(known, np.arange(1, BUCKETS) / BUCKETS, method="higher"))
    return np.where(np.isnan(aligned), 0, 1 + np.searchsorted(boundaries, aligned, side="right"))[:, np.newaxis]


def _standardized(vectors: Vectors, rows: Rows) -> Vectors:
    """Return each row's vector, centred and scaled, so that one learning rate suits projections of any vectors."""
    aligned = vectors[rows]
    aligned[rows < 0] = np.nan
    present = ~np.isnan(aligned[:, 0])
    known = aligned[present]
    if len(known):
        known -= known.mean(axis=0, dtype=np.float64).astype(np.float32)
        norm = np.linalg.norm(known) / np.sqrt(len(known))
        aligned[present] = known / max(norm, np.finfo(np.float32).tiny)
    return aligned

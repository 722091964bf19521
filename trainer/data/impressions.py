"""The files of the artifact of impressions, read in batches, and their lists as flat arrays."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from schemas.features import EVAL, TRAIN
from schemas.impression import IMPRESSION_REPORT_FILE, impressions_file

_AT_ONCE = 4_096  # impressions


class ShownLists(NamedTuple):
    """Lists of shown items, one after the other.

    Args:
        lengths: int64 [lists], the number of items of each list, at least 1.
        items: int64 [shown], the code of each item, from 0.
        positions: int64 [shown], the position of each item in its list, from 0.
        clicked: bool [shown].
    """

    lengths: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    clicked: npt.NDArray[np.bool_]

    @property
    def lists(self) -> npt.NDArray[np.int64]:
        """The list of each item, int64 [shown]."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


class ShownItemLog(NamedTuple):
    """The impressions before the test span, without users and times."""

    ids: npt.NDArray[np.object_]  # str [items], the id of each code
    train: ShownLists
    eval: ShownLists
    propensities: npt.NDArray[np.float64] | None  # [positions], NaN without an estimate; None without `position_bias`


def read_impression_batches(
    folder: str, split: str, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the impressions of a split in the order of the log.

    Args:
        folder: the artifact of the component Impressions, on a file system that TensorFlow can read.
        split: a split of `schemas.features.SPLITS`.
        rows: the number of impressions in a batch, at most.
        columns: columns of `QUERIED_IMPRESSION`; all by default.

    Yields:
        Batches of `QUERIED_IMPRESSION`, without empty ones.

    Example:
        >>> for batch in read_impression_batches("impressions", "test", 1_000):  # doctest: +SKIP
        ...     print(batch.num_rows)
    """
    name = impressions_file(split)
    with tempfile.NamedTemporaryFile(suffix=name) as local:
        tf.io.gfile.copy(f"{folder}/{name}", local.name, overwrite=True)
        with pq.ParquetFile(local.name) as file:
            for batch in file.iter_batches(rows, columns=None if columns is None else list(columns)):
                if batch.num_rows:
                    yield batch


def read_shown_items(folder: str) -> ShownItemLog:
    """Read the lists of training and validation. One process keeps 17 bytes of each shown item.

    Args:
        folder: the artifact of the component Impressions, on a file system that TensorFlow can read.
    """
    lists, chunks, splits = {}, [], (TRAIN, EVAL)
    for split in splits:
        batches = list(read_impression_batches(folder, split, _AT_ONCE, ["shown", "clicked"]))
        shown = [batch.column("shown") for batch in batches]
        chunks.append([each.flatten().dictionary_encode() for each in shown])
        lists[split] = [
            np.concatenate([np.zeros(0, kind), *map(of, columns)])
            for kind, of, columns in (
                (np.int64, list_lengths, shown),
                (np.int64, flat_positions, shown),
                (np.bool_, flat_clicks, [batch.column("clicked") for batch in batches]),
            )
        ]
    flat = [chunk for parts in chunks for chunk in parts]
    codes = pa.chunked_array(flat, pa.dictionary(pa.int32(), pa.string())).unify_dictionaries().chunks
    items = iter(np.asarray(chunk.indices, np.int64) for chunk in codes)
    found = {}
    for split, parts in zip(splits, chunks, strict=True):
        lengths, positions, clicked = lists[split]
        of_split = np.concatenate([np.zeros(0, np.int64), *(next(items) for _ in parts)])
        found[split] = ShownLists(lengths, of_split, positions, clicked)
    with tf.io.gfile.GFile(f"{folder}/{IMPRESSION_REPORT_FILE}") as file:
        propensities = json.loads(file.read())["propensities"]
    return ShownItemLog(
        ids=codes[0].dictionary.to_numpy(zero_copy_only=False) if codes else np.zeros(0, np.object_),
        **found,
        propensities=None if propensities is None else np.array(propensities, np.float64),
    )


def list_lengths(lists: pa.Array) -> npt.NDArray[np.int64]:
    """Return the length of each list.

    Args:
        lists: lists, without nulls.
    """
    return np.asarray(lists.value_lengths().to_numpy(zero_copy_only=False), np.int64)


def flat_positions(shown: pa.Array) -> npt.NDArray[np.int64]:
    """Return the position of each shown item in its list, from 0.

    Args:
        shown: lists of items.

    Example:
        >>> flat_positions(pa.array([["a", "b"], ["c"]])).tolist()
        [0, 1, 0]
    """
    lengths = list_lengths(shown)
    return np.asarray(np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths), np.int64)


def flat_clicks(clicked: pa.Array) -> npt.NDArray[np.bool_]:
    """Return whether each shown item was clicked.

    Args:
        clicked: lists of booleans.
    """
    return np.asarray(clicked.flatten().to_numpy(zero_copy_only=False), np.bool_)


def count_clicks(clicked: pa.Array) -> npt.NDArray[np.int64]:
    """Return the number of clicks of each impression.

    Args:
        clicked: lists of booleans.

    Example:
        >>> count_clicks(pa.array([[True, False], [False], [True, True]])).tolist()
        [1, 0, 2]
    """
    lengths = list_lengths(clicked)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(rows[flat_clicks(clicked)], minlength=len(lengths))

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
    """Read the lists of training and validation. One process keeps 17 bytes of each shown item, and each id once.

    Args:
        folder: the artifact of the component Impressions, on a file system that TensorFlow can read.
    """
    parts: dict[str, list[_ListsOfBatch]] = {TRAIN: [], EVAL: []}
    for split, of_split in parts.items():
        for batch in read_impression_batches(folder, split, _AT_ONCE, ["shown", "clicked"]):
            shown = batch.column("shown")
            clicks = flat_clicks(batch.column("clicked"))
            codes = shown.flatten().dictionary_encode()
            of_split.append(_ListsOfBatch(codes, list_lengths(shown), flat_positions(shown), clicks))
    encoded = [part.codes for of_split in parts.values() for part in of_split]
    unified = pa.chunked_array(encoded, pa.dictionary(pa.int32(), pa.string())).unify_dictionaries().chunks
    items = [np.asarray(chunk.indices, np.int64) for chunk in unified]
    batches = len(parts[TRAIN])
    with tf.io.gfile.GFile(f"{folder}/{IMPRESSION_REPORT_FILE}") as file:
        propensities = json.loads(file.read())["propensities"]
    return ShownItemLog(
        ids=unified[0].dictionary.to_numpy(zero_copy_only=False) if unified else np.zeros(0, np.object_),
        train=_join(parts[TRAIN], items[:batches]),
        eval=_join(parts[EVAL], items[batches:]),
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


class _ListsOfBatch(NamedTuple):
    codes: pa.DictionaryArray  # of the items, with a dictionary of the batch alone
    lengths: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    clicked: npt.NDArray[np.bool_]


def _join(parts: Sequence[_ListsOfBatch], items: Sequence[npt.NDArray[np.int64]]) -> ShownLists:
    none = np.zeros(0, np.int64)
    return ShownLists(
        lengths=np.concatenate([none, *(part.lengths for part in parts)]),
        items=np.concatenate([none, *items]),
        positions=np.concatenate([none, *(part.positions for part in parts)]),
        clicked=np.concatenate([np.zeros(0, np.bool_), *(part.clicked for part in parts)]),
    )

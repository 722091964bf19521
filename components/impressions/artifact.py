"""The files of the artifact of impressions, read in batches, and their lists as flat arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from schemas.impression import impressions_file


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

"""A shuffle through files: rows are written by the bucket of their id, so that all rows of an id can be read together.

Beam's runners move each element through Python, and the local one keeps in memory what it groups. Here only the names
of files go through Beam.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindows

from components.common.atomic_write import atomic_write

BUCKETS = 256
SPILL_ROWS = 1_000_000
SPILL_BYTES = 1 << 29  # of long texts; a column of one batch cannot have more than 2 GB


class Spill(NamedTuple):
    """A file with one record batch for each bucket."""

    path: str
    rows: int


class Shard(NamedTuple):
    """A part of the ids: those of some successive buckets."""

    number: int
    of: int  # the number of all shards: a power of two, at most `BUCKETS`

    @property
    def buckets(self) -> range:
        """The numbers of the buckets."""
        width = BUCKETS // self.of
        return range(self.number * width, (self.number + 1) * width)


def shards(rows: int, rows_per_shard: int) -> list[Shard]:
    """Return the shards of a number of rows. They depend on nothing else, so that every runner makes the same.

    Args:
        rows: the rows of all shards.
        rows_per_shard: the number that a shard should not exceed by much.

    Example:
        >>> shards(250, rows_per_shard=100)[-1]
        Shard(number=3, of=4)
    """
    count = 1
    while count * rows_per_shard < rows and count < BUCKETS:
        count *= 2
    return [Shard(number, count) for number in range(count)]


def buckets_of(ids: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the bucket of each id.

    Args:
        ids: strings, without nulls.
    """
    return (hashes_of(ids) >> np.uint64(56)).astype(np.uint8)


def hashes_of(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """Return the hash of each id, the same on every machine. Its first byte is the bucket.

    Args:
        ids: strings, without nulls.
    """
    hashed: npt.NDArray[np.uint64] = pd.util.hash_array(np.asarray(ids.to_numpy(zero_copy_only=False), dtype=object))
    return hashed


class SpillRows(beam.DoFn):
    """Sink of record batches, by the bucket of their first column. Each bundle has files of its own.

    Args:
        scratch: a folder that all workers can write and read. Whoever reads the files removes it.
        folder: the folder of the finished files; by default `scratch`.
    """

    def __init__(self, scratch: str, folder: str | None = None) -> None:
        self._scratch = scratch
        self._folder = folder

    def start_bundle(self) -> None:
        """Begin without rows."""
        self._batches: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def process(self, batch: pa.RecordBatch) -> Iterator[Spill]:
        """Keep a batch, and write what is kept when it is large."""
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= SPILL_ROWS or self._bytes >= SPILL_BYTES:
            yield self._write()

    def finish_bundle(self) -> Iterator[Any]:
        """Write the rest."""
        if self._rows:
            yield GlobalWindows.windowed_value(self._write())

    def _write(self) -> Spill:
        spill = write_spill(self._batches, self._scratch, self._folder)
        self.start_bundle()
        return spill


def write_spill(batches: Sequence[pa.RecordBatch], scratch: str, folder: str | None = None) -> Spill:
    """Write rows by the bucket of their first column.

    Args:
        batches: of one schema, with at least one row.
        scratch: see `atomic_write`.
        folder: the folder of the finished file; by default `scratch`.
    """
    (rows,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    buckets = buckets_of(rows.column(0))
    ordered = rows.take(pa.array(np.argsort(buckets, kind="stable")))
    ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
    path = f"{folder or scratch}/{uuid.uuid4().hex}.arrow"
    with atomic_write(path, scratch) as unfinished, FileSystems.create(unfinished) as file:
        # A kept file takes half of the space in zstd: 15 MB for a million rows instead of 27 MB, for 0.07 s more.
        options = pa.ipc.IpcWriteOptions(compression="zstd" if folder else "lz4")
        with pa.ipc.new_file(file, rows.schema, options=options) as writer:
            for start, end in zip([0, *ends[:-1]], ends, strict=True):
                writer.write_batch(ordered.slice(start, end - start))
    return Spill(path, rows.num_rows)


def read_spill(spill: Spill, shard: Shard, columns: Sequence[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a shard.

    Args:
        spill: the file.
        shard: the shard.
        columns: the indices of the columns to read; all by default.
    """
    with FileSystems.open(spill.path) as file:
        reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=columns))
        for bucket in shard.buckets:
            batch = reader.get_batch(bucket)
            if batch.num_rows:
                yield batch

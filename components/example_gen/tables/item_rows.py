"""The table of items: the accepted rows, one of each item, and what became of the others."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.counts.report import TableRows
from components.example_gen.sources.source import match_table, read_log_file
from components.example_gen.tables.item_values import judge_items
from components.example_gen.validation.rejected_counts import CountRejected
from schemas.config.tables import PUBLISHED, ItemsTableConfig, ItemTableConfig
from schemas.errors import InputError
from schemas.interaction import FILE, LINE, RAW, REJECTED
from schemas.items import ROLE, VECTOR, item_schema
from schemas.rejection import RejectionReason

MAX_ROWS = 10_000_000  # accepted rows; one worker holds them
_SLICE = 10_000  # rows whose contents are Python objects at a time

Indices = npt.NDArray[np.int64]
OnRejected = Callable[[pa.RecordBatch], None]


@dataclass(frozen=True)
class ItemRows:
    """A table of items; `counts.rows_read = len(items) + merged + sum(counts.rows_rejected)`.

    Args:
        items: one row for each accepted item, of `item_schema`, sorted by the bytes of the ids in UTF-8.
        counts: the rows read and rejected.
        merged: the rows that equal a row of `items`, without this row itself.
        cut: the texts that were cut, by column.
    """

    items: pa.Table
    counts: TableRows
    merged: int
    cut: dict[str, int]


@dataclass(frozen=True)
class _Duplicates:
    """The rows that share their id with another row."""

    kept: Indices  # a row of each item
    merged: int
    conflicting: Indices  # rows whose content is not that of the kept row


class _Origins:
    """The file and the line of each accepted row, in the order of reading."""

    def __init__(self) -> None:
        self.rows = 0
        self._batches: list[tuple[str, pa.Array]] = []

    def add(self, file: str, lines: pa.Array) -> None:
        """Add the rows of a batch."""
        self._batches.append((file, lines))
        self.rows += len(lines)

    def lines_of(self, rows: Indices) -> dict[str, list[int]]:
        """Return the lines of some rows by file."""
        starts = np.cumsum([0, *(len(lines) for _, lines in self._batches)])
        found: dict[str, list[int]] = {}
        for row in np.sort(rows).tolist():
            batch = int(np.searchsorted(starts, row, side="right")) - 1
            file, lines = self._batches[batch]
            found.setdefault(file, []).append(lines[row - int(starts[batch])].as_py())
        return found


def read_item_rows(settings: ItemTableConfig, on_rejected: OnRejected = lambda batch: None) -> ItemRows:
    """Read a table of items, in one process.

    Of rows with the same id and different contents, one is kept: the one with the newest time of publication, of
    several the one with the most values, of several the one with the greatest SHA-256. So the result does not depend
    on the order of the rows. The rows that equal it are merged, all others are rejected as `duplicate_item`.

    Args:
        settings: the table and its columns.
        on_rejected: is called with batches of `REJECTED`, which have each rejected row once.

    Returns:
        The items and the counts.

    Raises:
        InputError: a file cannot be read or lacks a column, or there are more than `MAX_ROWS` rows.
    """
    counter, schema = CountRejected(), item_schema(settings.items)
    rejected, cut, read = counter.create_accumulator(), Counter[str](), 0
    items, origins = [], _Origins()
    for file, batch in _batches(settings.items):
        judged = judge_items(batch, settings)
        read += batch.num_rows
        cut += judged.cut
        items.append(judged.items)
        origins.add(file, judged.lines)
        if judged.rejected.num_rows:
            rejected = counter.add_input(rejected, judged.rejected)
            on_rejected(judged.rejected)
        _check_size(origins.rows, settings.items)
    table = pa.concat_tables([schema.empty_table(), *items]).combine_chunks()
    items.clear()  # one copy of the table is enough
    duplicates = _find_duplicates(table)
    if len(duplicates.conflicting):
        for batch in _rows_again(settings.items, origins.lines_of(duplicates.conflicting)):
            rejected = counter.add_input(rejected, batch)
            on_rejected(batch)
    kept = table.take(pa.array(duplicates.kept))
    counts = TableRows(rows_read=read, rows_rejected=dict(rejected.rows), rejected_samples=rejected.samples)
    return ItemRows(kept, counts, duplicates.merged, {name: n for name, n in cut.items() if n})


def read_item_texts(items: ItemsTableConfig, columns: list[str]) -> Iterator[list[str]]:
    """Yield the texts of some columns, for people. Rows that cannot be read are left out.

    Args:
        items: the configuration of the table.
        columns: names of columns that the configuration reads.

    Yields:
        The texts without white space around them, in the order of the files and lines. A list has its JSON.
    """
    for file in match_table(items):
        for batch in _in_order(list(read_log_file(file, items))):
            rows = zip(*(_column(batch, name).to_pylist() for name in columns), strict=True)
            yield from ([text.strip() for text in row] for row in rows if None not in row)


def _batches(items: ItemsTableConfig) -> Iterator[tuple[str, pa.RecordBatch]]:
    for file in match_table(items):
        for batch in read_log_file(file, items):
            yield file, batch


def _in_order(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Return the rows of a file in the order of their lines; a source may yield the bad rows of a block first."""
    if not batches:
        return []
    rows = pa.Table.from_batches(batches)
    order = np.argsort(rows.column(LINE).to_numpy(), kind="stable")
    return rows.take(pa.array(order)).combine_chunks().to_batches()


def _check_size(rows: int, items: ItemsTableConfig) -> None:
    if rows > MAX_ROWS:
        raise InputError(
            expected=f"at most {MAX_ROWS:,} rows in {items.path} ({items.setting}.path), which one worker holds",
            received=f"more than {MAX_ROWS:,} rows",
            remedy="leave out the items that nobody can see, or the columns that nothing reads",
        )


def _find_duplicates(table: pa.Table) -> _Duplicates:
    """Find the row to keep of each id. The kept rows are sorted by id."""
    order = np.asarray(pc.sort_indices(table["id"]).to_numpy(), np.int64)
    ids = table["id"].take(pa.array(order)).combine_chunks()
    same = np.zeros(len(order), np.bool_)  # as the row before
    if len(order) > 1:
        same[1:] = np.asarray(pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False), np.bool_)
    repeated = same | np.append(same[1:], False)
    groups = np.cumsum(~same) - 1
    kept = order[~same]
    if not repeated.any():
        return _Duplicates(kept, 0, np.zeros(0, np.int64))
    rows, owners = order[repeated], groups[repeated]
    keys = list(_contents(table, rows))
    best: dict[int, tuple[Any, ...]] = {}
    for owner, key in zip(owners.tolist(), keys, strict=True):
        best[owner] = max(best.get(owner, key), key)
    equal = np.array([best[owner] == key for owner, key in zip(owners.tolist(), keys, strict=True)], np.bool_)
    first = np.unique(owners[equal], return_index=True)[1]
    kept[owners[equal][first]] = rows[equal][first]
    return _Duplicates(kept, int(equal.sum()) - len(first), rows[~equal])


def _contents(table: pa.Table, rows: Indices) -> Iterator[tuple[float, int, bytes]]:
    """Yield the time of publication, the number of values, and a digest of all values of some rows."""
    vectors = [field.name for field in table.schema if (field.metadata or {}).get(ROLE) == VECTOR]
    for start in range(0, len(rows), _SLICE):
        part = table.take(pa.array(rows[start : start + _SLICE]))
        arrays = [part[name].combine_chunks() for name in vectors]
        for index, row in enumerate(part.drop(vectors).to_pylist()):
            content = [orjson.dumps(row)]
            for array in arrays:
                content.append(array[index].values.to_numpy().tobytes() if array[index].is_valid else b"")
            filled = sum(value not in (None, []) for value in row.values()) + sum(map(bool, content[1:]))
            published = row.get(PUBLISHED)
            digest = hashlib.sha256(b"\0".join(content)).digest()
            yield (-np.inf if published is None else published, filled, digest)


def _rows_again(items: ItemsTableConfig, lines: dict[str, list[int]]) -> Iterator[pa.RecordBatch]:
    """Yield some rows of the table again, as `REJECTED`: the accepted rows are not in memory as they were read."""
    for file, wanted in lines.items():
        for batch in read_log_file(file, items):
            found = batch.filter(pc.is_in(_column(batch, LINE), value_set=pa.array(wanted, pa.int64())))
            if found.num_rows:
                reasons = pa.array([RejectionReason.DUPLICATE_ITEM.value] * found.num_rows, pa.string())
                origin = [_column(found, FILE).dictionary_decode(), _column(found, LINE), _column(found, RAW)]
                yield pa.RecordBatch.from_arrays([reasons, *origin], schema=REJECTED)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))

"""TFRecord files of tf.Example as rows of text."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.example_gen.sources.files import READ_BYTES, read_blocks
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.parts import Part, part_blocks
from components.example_gen.sources.text_rows import TextRows
from components.example_gen.sources.typed_rows import typed_rows
from schemas.errors import InputError

BATCH_ROWS = 32_768
_SAMPLE_ROWS = 1_000
_HEADER = struct.Struct("<QI")  # the length of the content, and its checksum
_CHECKSUM = struct.Struct("<I")


def read_tfrecord(file: BinaryIO, part: Part, data: ReadingOptions, columns: list[str]) -> Iterator[TextRows]:
    """Yield the rows of a TFRecord file. A feature with more than one value is malformed.

    Args:
        file: the open file.
        part: the whole file.
        data: the reading options.
        columns: names of features.

    Yields:
        The rows in their order.

    Raises:
        InputError: the file is damaged, or a record is not a tf.Example.
    """
    first_row, path = part.first_line, part.path
    for records in _batches(read_records(part_blocks(file, part), path)):
        for batch in _decode(records, first_row, path):
            values = {column: _values(batch, column) for column in columns}
            single = {column: _only_values(lists) for column, lists in values.items()}
            several = np.logical_or.reduce([_lengths(lists) > 1 for lists in values.values()])
            yield _with_lists(typed_rows(single, first_row, data, path, several), values, several)
            first_row += batch.num_rows


def tfrecord_columns(path: str, data: ReadingOptions) -> tuple[str, ...] | None:
    """Return the names of the features in the first records of a file.

    Args:
        path: the file.
        data: the reading options.

    Returns:
        The names; None if there is no record.

    Raises:
        InputError: the first records are damaged, or are not of tf.Example.
    """
    records = list(itertools.islice(read_records(read_blocks(path), path), _SAMPLE_ROWS))
    names = dict.fromkeys(name for batch in _decode(records, 1, path) for name in batch.schema.names)
    return tuple(names) if records else None


def read_records(blocks: Iterable[bytes], path: str) -> Iterator[bytes]:
    """Yield the records of a TFRecord file.

    Args:
        blocks: the content of the file, cut anywhere.
        path: its name, for the message of an error.

    Yields:
        The content of each record.

    Raises:
        InputError: a record is damaged or cut.
    """
    rest, number = b"", 1
    for block in blocks:
        content, position = rest + block, 0
        while len(content) - position >= _HEADER.size:
            length, checksum = _HEADER.unpack_from(content, position)
            if _masked(content[position : position + 8]) != checksum:
                raise _damaged(path, number)
            start, end = position + _HEADER.size, position + _HEADER.size + length
            if end + _CHECKSUM.size > len(content):
                break
            record = content[start:end]
            if _masked(record) != _CHECKSUM.unpack_from(content, end)[0]:
                raise _damaged(path, number)
            yield record
            position, number = end + _CHECKSUM.size, number + 1
        rest = content[position:]
    if rest:
        raise _damaged(path, number)


def _masked(content: bytes) -> int:
    """Return the checksum as TFRecord stores it."""
    checksum: int = google_crc32c.value(content)
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _damaged(path: str, number: int) -> InputError:
    return InputError(
        expected=f"a whole TFRecord file at {path}",
        received=f"record {number:,}, which is damaged or cut",
        remedy="write or fetch the file again, or check data.format; the name of a compressed file must end in .gz",
    )


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record)
        if size >= READ_BYTES or len(batch) >= BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _decode(records: list[bytes], first_row: int, path: str) -> Iterator[pa.RecordBatch]:
    """Yield the examples as columns of lists, in parts in which each feature has one type."""
    if not records:
        return
    try:
        yield ExamplesToRecordBatchDecoder().DecodeBatch(records)
    except RuntimeError as error:
        if len(records) == 1:
            raise InputError(
                expected=f"records of tf.Example in {path}",
                received=f"record {first_row:,}: {error}"[:500],
                remedy="check data.path and data.format",
            ) from None
        half = len(records) // 2
        yield from _decode(records[:half], first_row, path)
        yield from _decode(records[half:], first_row + half, path)


def _values(batch: pa.RecordBatch, column: str) -> pa.Array:
    index = batch.schema.get_field_index(column)
    return batch.column(index) if index >= 0 else pa.nulls(batch.num_rows)


def _lengths(lists: pa.Array) -> npt.NDArray[np.int64]:
    if pa.types.is_null(lists.type):  # no example has a value
        return np.zeros(len(lists), np.int64)
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False), np.int64)


def _only_values(lists: pa.Array) -> pa.Array:
    """Return the value of each list that has one, and null for the others."""
    if pa.types.is_null(lists.type):
        return lists
    lengths = _lengths(lists)
    starts = np.cumsum(lengths) - lengths  # in `flatten()`, which has the values of all lists one after the other
    return lists.flatten().take(pa.array(starts, mask=lengths != 1))


def _with_lists(rows: TextRows, values: dict[str, pa.Array], several: npt.NDArray[np.bool_]) -> TextRows:
    """Return the rows with all values in RAW where a feature has several."""
    if not several.any():
        return rows
    raw: list[Any] = rows.raw.to_pylist()
    for index in np.flatnonzero(several).tolist():
        row = {name: column[index].as_py() for name, column in values.items()}
        raw[index] = json.dumps(row, ensure_ascii=False, default=_printable).encode()
    return rows._replace(raw=pa.array(raw, pa.binary()))


def _printable(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")

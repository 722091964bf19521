"""Parquet files as rows of text: the needed columns, one row group after the other."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from components.example_gen.sources.csv_rows import column_indices
from components.example_gen.sources.files import DECOMPRESSORS, open_file
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.parts import Part
from components.example_gen.sources.text_rows import TextRows
from components.example_gen.sources.typed_rows import typed_rows
from schemas.errors import InputError

BATCH_ROWS = 32_768


def read_parquet(file: BinaryIO, part: Part, data: ReadingOptions, columns: list[str]) -> Iterator[TextRows]:
    """Yield the rows of a part of a Parquet file: those of the row groups that begin in it.

    Args:
        file: the open file.
        part: the part.
        data: the reading options.
        columns: names, or paths with dots into structs; a name with dots in it comes before a path.

    Yields:
        The rows in their order.

    Raises:
        InputError: the file is damaged, lacks a column, or has a column whose type has no text.
    """
    path = part.path
    with _parsed(file, path, data.setting) as parquet_file:
        column_indices(_names(parquet_file.schema_arrow), columns, path)
        first_row = part.first_line
        for group in _groups_in(part, parquet_file.metadata, file.seek(0, os.SEEK_END)):
            for values in _read_group(parquet_file, group, columns):
                rows = typed_rows(values, first_row, data, path)
                yield rows
                first_row += len(rows.lines)


def divide_parquet(whole: Part, data: ReadingOptions, part_bytes: int) -> list[Part]:
    """Divide a Parquet file between its row groups.

    Args:
        whole: the file.
        data: the reading options.
        part_bytes: about how many bytes a part has, unless a row group has more.

    Raises:
        InputError: the file is not a whole Parquet file.
    """
    starts = [(0, 1)]  # byte and row
    with open_file(whole.path) as file, _parsed(file, whole.path, data.setting) as parquet_file:
        metadata, row = parquet_file.metadata, 1
        for group, place in enumerate(_places(metadata, whole.end)):
            if group and place - starts[-1][0] >= part_bytes:
                starts.append((place, row))
            row += metadata.row_group(group).num_rows
    ends = [*(place for place, _ in starts[1:]), whole.end]
    return [Part(whole.path, start, end, row) for (start, row), end in zip(starts, ends, strict=True)]


def _groups_in(part: Part, metadata: parquet.FileMetaData, file_bytes: int) -> list[int]:
    return [group for group, place in enumerate(_places(metadata, file_bytes)) if part.start <= place < part.end]


def _places(metadata: parquet.FileMetaData, file_bytes: int) -> list[int]:
    """Return the place of each row group in its file; 0 for all of them if the file has them in a wrong order."""
    groups = range(metadata.num_row_groups if metadata.num_columns else 0)
    first = [metadata.row_group(group).column(0) for group in groups]
    places = [column.dictionary_page_offset or column.data_page_offset for column in first]
    in_order = all(start < end for start, end in itertools.pairwise([0, *places, file_bytes]))
    return places if in_order else [0] * metadata.num_row_groups


def _read_group(file: parquet.ParquetFile, group: int, columns: list[str]) -> Iterator[dict[str, pa.Array]]:
    """Yield the columns of a row group, each read on its own.

    Arrow crashes if it reads columns together and a damaged one is shorter than the others.

    Raises:
        ValueError: the columns have other numbers of rows than the file says.
    """
    readers = [file.iter_batches(BATCH_ROWS, row_groups=[group], columns=[name], use_threads=False) for name in columns]
    expected, found = file.metadata.row_group(group).num_rows, 0
    for batches in zip(*readers, strict=True):
        lengths = {batch.num_rows for batch in batches}
        if len(lengths) > 1:
            raise ValueError(f"columns with {lengths} values")
        for batch in batches:
            batch.validate()
        if lengths != {0}:
            yield {name: _values(batch, name) for name, batch in zip(columns, batches, strict=True)}
        found += lengths.pop()
    if found != expected:
        raise ValueError(f"{found:,} of {expected:,} rows in row group {group}")


def parquet_columns(path: str, data: ReadingOptions) -> tuple[str, ...]:
    """Return the names of the columns of a Parquet file, and the paths of the fields in structs.

    Args:
        path: the file.
        data: the reading options.

    Raises:
        InputError: the file is not a whole Parquet file.
    """
    with open_file(path) as file, _parsed(file, path, data.setting) as parquet_file:
        return tuple(_names(parquet_file.schema_arrow))


def refuse_compressed(path: str, kind: str) -> None:
    """Refuse a compressed file of a format that compresses its content itself.

    Args:
        path: the file.
        kind: the name of the format.

    Raises:
        InputError: the name of the file ends like that of a compressed file.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending in DECOMPRESSORS:
        raise InputError(
            expected=f"a {kind} file, whose content may be compressed, but not the file",
            received=f"a name that ends in {ending}: {path}",
            remedy="decompress the file",
        )


@contextmanager
def _parsed(file: BinaryIO, path: str, setting: str) -> Iterator[parquet.ParquetFile]:
    refuse_compressed(path, "Parquet")
    try:
        yield parquet.ParquetFile(pa.PythonFile(file, "r"))
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(
            expected=f"a whole Parquet file at {path}",
            received=str(error)[:500],
            remedy=f"write or fetch the file again, or check {setting}.format",
        ) from None


def _names(schema: pa.Schema) -> list[str]:
    """Return the names of columns and of fields in structs; a column comes before a field of the same name."""
    names = list(schema.names)
    nested = [name for field in schema for name in _nested(field.type, f"{field.name}.")]
    return names + [name for name in dict.fromkeys(nested) if name not in schema.names]


def _nested(kind: pa.DataType, prefix: str) -> Iterator[str]:
    if pa.types.is_struct(kind):
        for field in kind:
            yield prefix + field.name
            yield from _nested(field.type, f"{prefix}{field.name}.")


def _values(batch: pa.RecordBatch, column: str) -> pa.Array:
    index = batch.schema.get_field_index(column)
    if index >= 0:
        return batch.column(index)
    first, *path = column.split(".")
    values = batch.column(batch.schema.get_field_index(first))
    for part in path:
        values = pc.struct_field(values, [_field_index(values.type, part)])
    return values


def _field_index(kind: pa.StructType, name: str) -> int:
    return [field.name for field in kind].index(name)

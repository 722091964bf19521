"""Files of a log or a table as Arrow record batches of text. Every row has the file and line that it came from."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.sources.avro_source import avro_columns, read_avro
from components.example_gen.sources.csv_source import csv_columns, divide_csv, read_csv, reread_csv
from components.example_gen.sources.files import ENDINGS, is_compressed, match_files, open_file
from components.example_gen.sources.json_lines import (
    divide_json_lines,
    json_columns,
    read_json_lines,
    reread_json_lines,
)
from components.example_gen.sources.options import FileOptions, ReadingOptions
from components.example_gen.sources.parquet_source import divide_parquet, parquet_columns, read_parquet
from components.example_gen.sources.partitions import partition_values
from components.example_gen.sources.parts import PART_BYTES, Part, whole_file
from components.example_gen.sources.text_rows import TextRows
from components.example_gen.sources.tfrecord_source import read_tfrecord, tfrecord_columns
from components.example_gen.sources.typed_rows import reread_typed
from schemas.errors import InputError
from schemas.interaction import raw_schema


class Source(NamedTuple):
    """The functions that read the files of a format.

    `read` gets the open file, the part to read, the reading options and the names of columns. It yields batches of a
    size that suits the format; a caller that needs the first rows only closes the generator. `divide` gets a file as
    one part, the options, and about how many bytes a part should have. It must return the same parts in every process.
    """

    read: Callable[[BinaryIO, Part, ReadingOptions, list[str]], Iterator[TextRows]]
    divide: Callable[[Part, ReadingOptions, int], list[Part]] | None  # None if a file can be read as a whole only
    columns: Callable[
        [str, ReadingOptions], tuple[str, ...] | None
    ]  # the names in a file; None for a file without rows
    optional: bool  # whether a row may lack a column; then `columns` has the names of the first rows
    exact: bool  # whether RAW has the bytes of the row in its file
    # The rows again, each from its RAW and the reason of its rejection: of a file, log, columns.
    reread: Callable[[Sequence[bytes], Sequence[str], str, ReadingOptions, list[str]], TextRows]


# By `data.format`. tests/contracts/test_sources.py runs the contract of a source for each of them.
SOURCES = {
    "csv": Source(read_csv, divide_csv, csv_columns, optional=False, exact=True, reread=reread_csv),
    "jsonl": Source(
        read_json_lines, divide_json_lines, json_columns, optional=True, exact=True, reread=reread_json_lines
    ),
    "parquet": Source(read_parquet, divide_parquet, parquet_columns, optional=False, exact=False, reread=reread_typed),
    "avro": Source(read_avro, None, avro_columns, optional=False, exact=False, reread=reread_typed),
    "tfrecord": Source(read_tfrecord, None, tfrecord_columns, optional=True, exact=False, reread=reread_typed),
}


def match_table(table: FileOptions) -> tuple[str, ...]:
    """Return the files of a table, or of a log without spans; see `match_files`.

    Args:
        table: the path and the format of the files.

    Raises:
        InputError: no file matches, or a bucket cannot be read.
    """
    return match_files(table.path, f"{table.setting}.path", ENDINGS[table.format])


def needed_columns(data: ReadingOptions) -> list[str]:
    """Return the columns that the configuration reads, each once."""
    return list(dict.fromkeys(data.read_columns))


def read_log_file(path: str, data: ReadingOptions) -> Generator[pa.RecordBatch, None, None]:
    """Yield the rows of one file in batches.

    Args:
        path: the file, which becomes the origin of the rows. Its folders may have columns; see `partition_values`.
        data: the format and the reading options.

    Yields:
        Record batches of `raw_schema(needed_columns(data))`. LINE tells the order of the rows, which
        is not that of the batches.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    with closing(read_part(whole_file(path), data)) as batches:
        for batch, _ in batches:
            yield batch


def divide_log_file(path: str, data: ReadingOptions, part_bytes: int = PART_BYTES) -> list[Part]:
    """Divide a large file into parts.

    Args:
        path: the file.
        data: the format and the reading options.
        part_bytes: about how many bytes a part has.

    Returns:
        Parts that `read_part` can read, which have each row of the file once. A compressed file is one part, because
        it can be read from its beginning only.

    Raises:
        InputError: the file cannot be read.
    """
    whole, divide = whole_file(path), SOURCES[data.format].divide
    if divide is None or whole.end < 2 * part_bytes or is_compressed(path):
        return [whole]
    return divide(whole, data, part_bytes)


def read_part(part: Part, data: ReadingOptions) -> Generator[tuple[pa.RecordBatch, int], None, None]:
    """Yield the rows of a part of a file, as `read_log_file` does.

    Args:
        part: one of `divide_log_file`.
        data: the format and the reading options.

    Yields:
        The batches, each with the place in the file up to which it has been read.
    """
    path = part.path
    source, partitions = SOURCES[data.format], partition_values(path)
    columns = columns_in_file(data, path)
    if partitions:
        check_partitions(source.columns(path, data) or (), data, path)
    with open_file(path) as file:
        for rows in source.read(file, part, data, columns):
            yield to_record_batch(rows, columns, data, path), file.tell()


def has_bytes(kind: str) -> bool:
    """Return whether RAW has the bytes of a row as they are in its file.

    Args:
        kind: a format of `SOURCES`, or `bigquery`.
    """
    return kind in SOURCES and SOURCES[kind].exact


def reread_rows(
    raw: Sequence[bytes], reasons: Sequence[str], path: str, data: ReadingOptions, columns: list[str]
) -> TextRows:
    """Return rejected rows again.

    Args:
        raw: RAW of each row, with a line end.
        reasons: why each row was rejected.
        path: the file or the table of the rows.
        data: the reading options.
        columns: the names of the columns to return.

    Returns:
        As many rows; `lines` are their indices.
    """
    reread = SOURCES[data.format].reread if data.format in SOURCES else reread_typed  # the rows of BigQuery have types
    return reread(raw, reasons, path, data, columns)


def columns_in_file(data: ReadingOptions, path: str) -> list[str]:
    """Return the needed columns that the folders of a file do not have.

    Args:
        data: the reading options.
        path: the file.

    Raises:
        InputError: the folders have all of them.
    """
    partitions = partition_values(path)
    columns = [column for column in needed_columns(data) if column not in partitions]
    if not columns:
        raise InputError(
            expected=f"a column of {data.setting} in its files, in addition to those in the names of folders",
            received=path,
            remedy="name a column of the files in data.columns"
            if data.setting == "data"
            else "name a column of the files",
        )
    return columns


def check_partitions(names: Sequence[str], data: ReadingOptions, path: str) -> None:
    """Check that no needed column is in a file and in its path, because they may differ.

    Args:
        names: the columns in the file.
        data: the reading options.
        path: the file.

    Raises:
        InputError: a column is in both.
    """
    refuse_both([column for column in needed_columns(data) if column in names], path)


def refuse_both(names: Sequence[str], path: str) -> None:
    """Refuse a file with a column that the names of its folders have, too.

    Args:
        names: columns in the file.
        path: the file.

    Raises:
        InputError: a column is in both.
    """
    partitions = partition_values(path)
    if both := [column for column in names if column in partitions]:
        raise InputError(
            expected=f"the column {both[0]!r} either in the file or in the names of its folders",
            received=f"both in {path}",
            remedy="rename the folder, or the column of the file",
        )


def to_record_batch(rows: TextRows, columns: list[str], data: ReadingOptions, path: str) -> pa.RecordBatch:
    """Return rows with the columns of their path and with their origin.

    Args:
        rows: rows of a file.
        columns: the names of their columns.
        data: the reading options.
        path: the file.

    Returns:
        A batch of `raw_schema(needed_columns(data))`.
    """
    count, partitions, of_rows = len(rows.lines), partition_values(path), dict(zip(columns, rows.columns, strict=True))
    needed = needed_columns(data)
    texts = [
        of_rows[column]
        if column in of_rows
        else pc.if_else(rows.errors.is_null(), partitions[column], pa.scalar(None, pa.string()))
        for column in needed
    ]
    files = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [path])
    return pa.RecordBatch.from_arrays([*texts, files, rows.lines, rows.raw, rows.errors], schema=raw_schema(needed))

"""The table of users, and the counts of the rows of tables."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from components.example_gen.counts.report import TableRows
from components.example_gen.sources.csv_rows import RawRow, column_indices, read_header_line, read_lines, read_rows
from components.example_gen.sources.files import match_files, read_blocks
from components.example_gen.sources.rejected_rows import SAMPLE_CHARACTERS, SAMPLES, RejectedRow
from components.example_gen.tables.item_rows import read_item_rows
from components.example_gen.tables.lookup_table import rows_schema
from components.example_gen.values.text_numbers import read_number
from schemas.config.columns import ColumnConfig
from schemas.config.log import DataConfig
from schemas.config.tables import UsersTableConfig
from schemas.errors import InputError

TABLE_ROWS = 10_000  # of a batch


def count_table_rows(data: DataConfig) -> dict[str, TableRows]:
    """Count the rows of the configured tables, and the rejected ones.

    Args:
        data: the log and its tables.

    Returns:
        The counts by the name of the table: `items`, `users`.

    Raises:
        InputError: a file cannot be read.
    """
    counts = {}
    if data.item_table_config:
        counts["items"] = read_item_rows(data.item_table_config).counts
    if data.users:
        counts["users"] = count_users(data.users)
    return counts


def count_users(table: UsersTableConfig) -> TableRows:
    """Count the rows of the table of users, and the rejected ones.

    Args:
        table: where the table is and how to read it.

    Raises:
        InputError: a file cannot be read.
    """
    read, rejected = 0, Counter[str]()
    samples: dict[str, list[RejectedRow]] = {}
    for name, _, rows in _files(table):
        for row in rows:
            read += 1
            if row.error is not None:
                rejected[row.error] += 1
                if rejected[row.error] <= SAMPLES:
                    samples.setdefault(row.error, []).append(RejectedRow(name, row.line, row.raw[:SAMPLE_CHARACTERS]))
    return TableRows(rows_read=read, rows_rejected=dict(rejected), rejected_samples=samples)


def _files(table: UsersTableConfig) -> Iterator[tuple[str, tuple[str, ...], Iterator[RawRow]]]:
    """Yield each file of a table with its header and its other rows."""
    for name in match_files(table.path, f"{table.setting}.path"):
        rows = read_rows(read_lines(read_blocks(name)), table.delimiter, table.quote)
        yield name, read_header_line(rows, name, table.setting) or ("",), rows


def read_table(table: UsersTableConfig, null_values: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the id and the further columns of each row of the table of users.

    Args:
        table: where the table is and how to read it.
        null_values: texts that mean "unknown".

    Yields:
        Batches of `rows_schema`.

    Raises:
        InputError: a file cannot be read, lacks a column, or has a text where a number is configured.
    """
    schema = rows_schema(table)
    rows = _read_values(table, null_values)
    while block := list(itertools.islice(rows, TABLE_ROWS)):
        columns = zip(*block, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read_values(table: UsersTableConfig, null_values: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the id, the file, the line, and the values of each row."""
    columns = list(table.columns.values())
    settings = [f"{table.setting}.columns.{name}" for name in table.columns]
    for file, header, rows in _files(table):
        indices = column_indices(header, [table.id, *(column.column for column in columns)], file)
        for row in rows:
            if row.fields is None:
                continue
            key, *texts = [row.fields[index].strip() for index in indices]
            values = [
                _value("" if text in null_values else text, column, setting, f"{file}:{row.line}")
                for text, column, setting in zip(texts, columns, settings, strict=True)
            ]
            yield (key, file, row.line, *values)


def _value(text: str, column: ColumnConfig, setting: str, origin: str) -> str | float:
    if column.kind == "category":
        return " ".join(text.split())  # a vocabulary file has one category a line
    number = read_number(text) if text else math.nan
    if text and not math.isfinite(number):
        raise InputError(
            expected=f"numbers in column {column.column!r} ({setting})",
            received=f"{text!r} at {origin}",
            remedy="correct the table, set kind: category, or name the text in data.null_values",
        )
    return number

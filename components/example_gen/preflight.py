"""Looks at a log before anything runs: what is wrong with all of it shows in its first rows."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from components.example_gen.combiners import CountRejected
from components.example_gen.items import read_items
from components.example_gen.report import describe_rejected, no_rows, remedy_for
from components.example_gen.rows import plausible, validate
from components.example_gen.source import (
    READ_BYTES,
    column_indices,
    match_files,
    needed_columns,
    open_log,
    read_block,
    read_header,
    read_lines,
    read_record_batches,
    read_rows,
)
from components.example_gen.users import read_users
from schemas.config.log import DataConfig, ItemsTableConfig, TimestampConfig, UsersTableConfig
from schemas.errors import InputError
from schemas.interaction import RejectionReason

DELIMITERS = ",;\t|"
UNITS: tuple[Literal["s", "ms", "us", "ns"], ...] = ("s", "ms", "us", "ns")
SAMPLE_ROWS = 10_000


@dataclass(frozen=True)
class Sample:
    """The first rows of a log; `rows = accepted + sum(rejected)`."""

    files: tuple[str, ...]  # all that the log's path matches
    rows: int
    accepted: int
    rejected: dict[str, int]  # by reason
    whole: bool  # whether these are all rows of the log


def check_log(data: DataConfig) -> Sample:
    """Reads each file's header, the first rows of the first file that has any, and the tables.

    Raises:
        InputError: the log or a table cannot be what the configuration says.
    """
    files = match_files(data.path, "data.path")
    if data.items:
        _check_table(data.items, [data.items.id, data.items.title])
        if data.items.columns:
            read_items(data)
    if data.users:
        _check_table(data.users, [data.users.id])
        read_users(data)
    batches: list[pa.RecordBatch] = []
    for name in files:
        lines, to_the_end = _first_lines(name)
        _check_header(lines, data, name)
        if not batches:
            batches = _sample(lines, data, name)
    if not batches:
        raise no_rows(data)
    return _judge(batches, data, files, to_the_end and len(files) == 1)


def _first_lines(name: str) -> tuple[list[str], bool]:
    """The whole lines among a file's first `READ_BYTES`, and whether it ends there.

    Raises:
        InputError: the file cannot be read, or is no text in lines.
    """
    try:
        with open_log(name) as file:
            block = read_block(file, name)
    except OSError as error:
        raise InputError(
            expected=f"a file that can be read at {name}",
            received=str(error),
            remedy="check the file and its permissions",
        ) from None
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            expected=f"text in UTF-8 in {name}",
            received="text in UTF-16",
            remedy="convert it: iconv -f UTF-16 -t UTF-8",
        )
    lines = list(read_lines([block]))
    to_the_end = len(block) < READ_BYTES
    if not to_the_end:
        lines.pop()  # it goes on
    first = lines[0] if lines else block[:80].decode("latin-1")
    if (block and not lines) or "\0" in first or "\r" in first.removesuffix("\n").removesuffix("\r"):
        carriage = "\r" in first and "\0" not in first
        raise InputError(
            expected=f"lines of text in {name}",
            received="lines that end in a carriage return alone" if carriage else f"binary data: {first[:40]!r}",
            remedy="convert it: tr '\\r' '\\n'" if carriage else "check the path; compressed files must end in .gz",
        )
    return lines, to_the_end


def _check_header(lines: Sequence[str], data: DataConfig, name: str) -> None:
    """Checks that a file that is not empty has the columns of the configuration."""
    rows = read_rows(lines, data.delimiter, data.quote)
    header = read_header(rows, data, name)
    if header is None:
        return
    try:
        column_indices(header, needed_columns(data), name)
    except InputError as error:
        if data.column_names is not None:
            raise
        for delimiter, fields in _other_splits(lines[:1], data):
            if len(fields) > len(header) and (len(header) == 1 or set(needed_columns(data)) <= set(fields)):
                raise _wrong_delimiter(data, name, delimiter, lines[0]) from None
        raise error


def _other_splits(lines: Sequence[str], data: DataConfig) -> Iterator[tuple[str, list[str]]]:
    """The first of the lines split by each other delimiter, the best split first."""
    splits = []
    for delimiter in DELIMITERS.replace(data.delimiter, ""):
        row = next(read_rows(lines, delimiter, data.quote), None)
        splits.append((delimiter, (row and row.fields) or []))
    yield from sorted(splits, key=lambda split: -len(split[1]))


def _wrong_delimiter(data: DataConfig, name: str, delimiter: str, line: str) -> InputError:
    return InputError(
        expected=f"fields separated by {data.delimiter!r} in {name}",
        received=f"a line that {delimiter!r} separates: {line.rstrip()[:100]!r}",
        remedy=f"set data.delimiter: {_yaml(delimiter)}",
    )


def _yaml(delimiter: str) -> str:
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'


def _sample(lines: Sequence[str], data: DataConfig, name: str) -> list[pa.RecordBatch]:
    batches = []
    for batch in read_record_batches(lines, data, name):
        batches.append(batch)
        if sum(batch.num_rows for batch in batches) >= SAMPLE_ROWS:
            break
    return batches


def _judge(batches: list[pa.RecordBatch], data: DataConfig, files: tuple[str, ...], to_the_end: bool) -> Sample:
    """Sums the sample up.

    Raises:
        InputError: no row is an interaction, or most fail for a reason that is the configuration's.
    """
    counter = CountRejected()
    rejected = counter.create_accumulator()
    for batch in batches:
        rejected = counter.add_input(rejected, validate(batch, data)[1])
    rows = sum(batch.num_rows for batch in batches)
    whole = to_the_end and rows < SAMPLE_ROWS
    sample = Sample(files, rows, rows - sum(rejected.rows.values()), dict(rejected.rows), whole)
    bad = {reason: count for reason, count in sample.rejected.items() if reason != RejectionReason.FILTERED.value}
    if sum(bad.values()) * 2 > rows:
        worst = RejectionReason(max(sorted(bad), key=lambda reason: bad[reason]))
        example = rejected.samples[worst.value][0]
        if worst in (RejectionReason.TIMESTAMP_OUT_OF_RANGE, RejectionReason.BAD_TIMESTAMP):
            raise _wrong_timestamp(batches, data, rows, sample.rejected[worst.value])
        if worst is RejectionReason.WRONG_FIELD_COUNT and data.column_names:
            for delimiter, fields in _other_splits([example.raw], data):
                if len(fields) == len(data.column_names):
                    raise _wrong_delimiter(data, example.file, delimiter, example.raw)
    if sum(bad.values()) == rows:
        raise InputError(
            expected=f"rows that are interactions in {data.path}",
            received=f"{rows:,} rows of the first {rows:,} rejected" + describe_rejected(bad, rejected.samples),
            remedy=remedy_for(bad),
        )
    return sample


def _wrong_timestamp(batches: list[pa.RecordBatch], data: DataConfig, rows: int, wrong: int) -> InputError:
    """What to do about timestamps that are wrong in most rows."""
    column = pa.concat_arrays([batch.column(batch.schema.get_field_index(data.columns.timestamp)) for batch in batches])
    column = column.drop_null()
    value = next(
        text for text, good in zip(column.to_pylist(), plausible(column, data.timestamp), strict=True) if not good
    )
    shares = {unit: plausible(column, TimestampConfig(unit=unit)).mean() for unit in UNITS}
    unit = max(shares, key=lambda unit: shares[unit])
    if shares[unit] > 0.5:
        remedy = f"set data.timestamp.unit: {unit}"
        remedy += ", and no data.timestamp.format" * (data.timestamp.format is not None)
    elif data.timestamp.unit is not None:
        remedy = "set data.timestamp.format where times are text, or data.timestamp.unit: order where they only count"
    else:
        remedy = "correct data.timestamp.format, in strptime's directives"
    wanted = f"in {data.timestamp.unit}" if data.timestamp.unit else f"like {data.timestamp.format}"
    return InputError(
        expected=f"times between 1980 and 2100 in column {data.columns.timestamp!r}, {wanted}",
        received=f"{value!r}, and others like it, in {wrong:,} of the first {rows:,} rows",
        remedy=remedy,
    )


def _check_table(table: ItemsTableConfig | UsersTableConfig, columns: Sequence[str]) -> None:
    """Checks that each file of a table has these columns and those of its features."""
    for name in match_files(table.path, f"{table.setting}.path"):
        header = next(read_rows(_first_lines(name)[0], table.delimiter, '"'), None)
        wanted = [*columns, *(column.column for column in table.columns.values())]
        column_indices((header and header.fields) or [""], wanted, name)

"""Tables of items and users: their rows, their values by id, and the join to timelines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam

from components.example_gen.csv_rows import RawRow, column_indices, read_header_line, read_lines, read_rows
from components.example_gen.files import match_files, read_blocks
from components.example_gen.report import SAMPLE_CHARACTERS, SAMPLES, RejectedRow, TableRows
from components.example_gen.rows import read_number
from components.example_gen.timelines import Timeline
from schemas.config.log import ColumnConfig, DataConfig, ItemsTableConfig, SideTableConfig, UsersTableConfig
from schemas.errors import InputError
from schemas.features import user_key


class LookupTable(NamedTuple):
    """Values by id."""

    names: Sequence[str]  # of the columns
    rows: Mapping[str, Sequence[Any]]  # by id, one value for each column; "" or NaN if unknown
    missing: Sequence[Any]  # the row of an id that the table does not have

    def get(self, key: str) -> dict[str, Any]:
        """Return the values of an id by column name; unknown values for an unknown id."""
        return dict(zip(self.names, self.rows.get(key, self.missing), strict=True))

    def is_missing(self, key: str) -> bool:
        """Return whether there is a table that does not have this id."""
        return bool(self.names) and key not in self.rows


EMPTY = LookupTable((), {}, ())  # stands for a table that is not configured
UserRow = tuple[tuple[str, int], dict[str, Any]]  # the file and the line of a user, and the values by feature


def read_table_rows(table: SideTableConfig, columns: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Yield the rows of a table; rows that cannot be split into fields are left out.

    Args:
        table: where the table is and how to read it.
        columns: names in the header.

    Yields:
        The file, the line, and the texts of the columns without white space around them.

    Raises:
        InputError: a file cannot be read, or lacks a column.
    """
    for name, header, rows in _files(table):
        indices = column_indices(header, columns, name)
        for row in rows:
            if row.fields is not None:
                yield name, row.line, [row.fields[index].strip() for index in indices]


def count_table_rows(data: DataConfig) -> dict[str, TableRows]:
    """Count the rows of the configured tables, and those that cannot be read.

    Args:
        data: the log and its tables.

    Returns:
        The counts by the name of the table: `items`, `users`.

    Raises:
        InputError: a file cannot be read.
    """
    tables = {"items": data.items, "users": data.users}
    return {name: _count_rows(table) for name, table in tables.items() if table}


def _count_rows(table: SideTableConfig) -> TableRows:
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


def _files(table: SideTableConfig) -> Iterator[tuple[str, tuple[str, ...], Iterator[RawRow]]]:
    """Yield each file of a table with its header and its other rows."""
    for name in match_files(table.path, f"{table.setting}.path"):
        rows = read_rows(read_lines(read_blocks(name)), table.delimiter, table.quote)
        yield name, read_header_line(rows, name, table.setting) or ("",), rows


def read_table(table: ItemsTableConfig | UsersTableConfig, null_values: Sequence[str]) -> LookupTable:
    """Read the further columns of a table. If an id appears twice, its last row counts.

    Args:
        table: where the table is and how to read it.
        null_values: texts that mean "unknown".

    Returns:
        The values by id.

    Raises:
        InputError: a file cannot be read, lacks a column, or has a text where a number is configured.
    """
    values = {key: row for key, _, row in _read_values(table, null_values)}
    return LookupTable(list(table.columns), values, [_value("", each, "", "") for each in table.columns.values()])


def _read_values(
    table: ItemsTableConfig | UsersTableConfig, null_values: Sequence[str]
) -> Iterator[tuple[str, tuple[str, int], list[str | float]]]:
    """Yield the id, the file and the line, and the values of each row."""
    columns = list(table.columns.values())
    settings = [f"{table.setting}.columns.{name}" for name in table.columns]
    for file, line, (key, *texts) in read_table_rows(table, [table.id, *(column.column for column in columns)]):
        values = [
            _value("" if text in null_values else text, column, setting, f"{file}:{line}")
            for text, column, setting in zip(texts, columns, settings, strict=True)
        ]
        yield key, (file, line), values


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


def read_items(data: DataConfig) -> LookupTable:
    """Read the further columns of the items.

    Args:
        data: the log and its tables.

    Returns:
        The values by item id; `EMPTY` without a table of items.

    Raises:
        InputError: see `read_table`.
    """
    return read_table(data.items, data.null_values) if data.items else EMPTY


def read_user_rows(users: UsersTableConfig, null_values: Sequence[str]) -> Iterator[tuple[str, UserRow]]:
    """Yield the rows of the table of users. Evaluations are sliced by its columns; no model reads them.

    Args:
        users: where the table is and how to read it.
        null_values: texts that mean "unknown".

    Yields:
        Each user's id and row, with the values under the names of their features.

    Raises:
        InputError: see `read_table`.
    """
    names = [user_key(name) for name in users.columns]
    for key, origin, values in _read_values(users, null_values):
        yield key, (origin, dict(zip(names, values, strict=True)))


class DescribeUsers(beam.PTransform):
    """Join of the table of users to timelines, by user id: no worker holds the table.

    Args:
        data: the log and its tables.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, timelines: beam.PCollection) -> beam.PCollection:
        """Return each timeline with its user's values by feature, and whether the table lacks the user."""
        users = self._data.users
        if users is None:
            return timelines | "WithoutTable" >> beam.Map(lambda timeline: (timeline, {}, False))
        unknown = {user_key(name): _value("", column, "", "") for name, column in users.columns.items()}
        keyed = timelines | "KeyByUser" >> beam.Map(lambda timeline: (timeline.user_id, timeline)).with_output_types(
            tuple[str, Any]
        )
        rows = (
            timelines.pipeline
            | "Table" >> beam.Create([users])
            | "ReadRows" >> beam.FlatMap(read_user_rows, self._data.null_values).with_output_types(tuple[str, Any])
        )
        return {"timelines": keyed, "rows": rows} | "Join" >> beam.CoGroupByKey() | beam.FlatMap(_join, unknown)


def _join(
    user: tuple[str, Mapping[str, Iterable[Any]]], unknown: dict[str, Any]
) -> Iterator[tuple[Timeline, dict[str, Any], bool]]:
    """Yield a user's timeline, if there is one. If the table has the user twice, the last row counts."""
    row = max(user[1]["rows"], key=lambda row: row[0], default=None)
    for timeline in user[1]["timelines"]:
        yield timeline, unknown if row is None else row[1], row is None


class DescribeItems(beam.PTransform):
    """Join of the table of items to timelines. The table is in every worker's memory.

    Args:
        data: the log and its tables.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, timelines: beam.PCollection) -> Any:
        """Return `timelines` with further columns, and `counts`: counters of interactions with an unknown item."""
        items = beam.pvalue.AsSingleton(
            timelines.pipeline | "Table" >> beam.Create([self._data]) | "ReadTable" >> beam.Map(read_items)
        )
        return timelines | "Describe" >> beam.FlatMap(_describe, items).with_outputs("counts", main="timelines")


def _describe(timeline: Timeline, items: LookupTable) -> Iterator[Any]:
    rows = [items.rows.get(item, items.missing) for item in timeline.item_ids]
    columns = {name: list(values) for name, values in zip(items.names, zip(*rows, strict=True), strict=True)}
    yield timeline._replace(further={**timeline.further, **columns})
    yield beam.pvalue.TaggedOutput("counts", Counter(not_in_table=sum(map(items.is_missing, timeline.item_ids))))

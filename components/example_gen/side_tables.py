"""Tables beside the log: what is known of items and of users."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.example_gen.rows import read_number
from components.example_gen.source import column_indices, match_files, open_log, read_block, read_lines, read_rows
from schemas.config.log import ColumnConfig, ItemsTableConfig, SideTableConfig, UsersTableConfig
from schemas.errors import InputError


class LookupTable(NamedTuple):
    """What a table knows."""

    names: Sequence[str]  # of the columns
    rows: Mapping[str, Sequence[Any]]  # by id, a value a column; "" or NaN for none
    none: Sequence[Any]  # the same of what the table lacks

    def get(self, key: str) -> dict[str, Any]:
        """The values of an id, by name."""
        return dict(zip(self.names, self.rows.get(key, self.none), strict=True))

    def is_missing(self, key: str) -> bool:
        """Whether there is a table without this id."""
        return bool(self.names) and key not in self.rows


EMPTY = LookupTable((), {}, ())  # where there is no table


def read_table_rows(table: SideTableConfig, columns: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """The rows of a table: their file and line, and these columns; rows that cannot be split are left out.

    Args:
        table: the file, or several.
        columns: names in the header.

    Raises:
        InputError: a file cannot be read, or lacks a column.
    """
    for name in match_files(table.path, f"{table.setting}.path"):
        with open_log(name) as file:
            rows = read_rows(read_lines(iter(lambda: read_block(file, name), b"")), table.delimiter, '"')  # noqa: B023
            header = next(rows, None)
            positions = column_indices((header and header.fields) or [""], columns, name)
            for row in rows:
                if row.fields is not None:
                    yield name, row.line, [row.fields[position].strip() for position in positions]


def read_table(table: ItemsTableConfig | UsersTableConfig, null_values: Sequence[str]) -> LookupTable:
    """The further columns of a table; of an id that comes twice, what comes last.

    Args:
        table: the file, or several.
        null_values: texts that stand for nothing.

    Raises:
        InputError: a file cannot be read or lacks a column, or what is to be a number is none.
    """
    columns = list(table.columns.values())
    settings = [f"{table.setting}.columns.{name}" for name in table.columns]
    known = {}
    for file, line, (key, *texts) in read_table_rows(table, [table.id, *(column.column for column in columns)]):
        known[key] = [
            _value("" if text in null_values else text, column, setting, f"{file}:{line}")
            for text, column, setting in zip(texts, columns, settings, strict=True)
        ]
    return LookupTable(list(table.columns), known, [_value("", column, "", "") for column in columns])


def _value(text: str, column: ColumnConfig, setting: str, place: str) -> str | float:
    if column.kind == "category":
        return " ".join(text.split())  # a vocabulary holds one a line
    number = read_number(text) if text else math.nan
    if text and not math.isfinite(number):
        raise InputError(
            expected=f"numbers in column {column.column!r} ({setting})",
            received=f"{text!r} at {place}",
            remedy="correct the table, set kind: category, or name the text in data.null_values",
        )
    return number

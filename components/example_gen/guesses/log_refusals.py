"""Errors for files that are no logs."""

from __future__ import annotations

import re
from typing import Literal

from components.example_gen.guesses.column_words import Role, score
from components.example_gen.guesses.guess_columns import Column, LogColumns
from components.example_gen.guesses.log_start import LogStart
from schemas.errors import InputError

NeededRole = Literal["time", "user", "item"]

_SHOWN = 12  # columns
_SHOWN_CHARACTERS = 30
_BY_HAND = "name the columns in a configuration of your own: docs/data.md"
_MISSING: dict[NeededRole, tuple[str, str]] = {  # by role: what the column has, and what to do
    "time": ("the time", f"{_BY_HAND}; if rows are in the order of time, add a column with their number"),
    "user": ("the user or the session", _BY_HAND),
    "item": ("the item", _BY_HAND),
}
_IMPRESSIONS = re.compile(r"\S+-[01]( \S+-[01])*")  # of MIND: an id, and whether it was clicked


def no_column(role: NeededRole, start: LogStart, columns: LogColumns) -> InputError:
    """Return the error of a file without a column of times, of users or sessions, or of items.

    Args:
        role: what the column should be.
        start: the first rows.
        columns: the guessed columns.
    """
    content, remedy = _MISSING[role]
    return _table(start, columns) or InputError(
        expected=f"a column with {content} in {start.file}", received=_shown(start, columns), remedy=remedy
    )


def no_item(start: LogStart, columns: LogColumns) -> InputError:
    """Return the error of a file without a column of items; lists of items get advice of their own.

    Args:
        start: the first rows.
        columns: the guessed columns.
    """
    time = columns.time.column if columns.time else ""
    lists = [column for name, column in columns.measured.items() if column.is_list and name != time]
    if not lists and not start.lists:
        return no_column("item", start, columns)
    names = [*(column.name for column in lists), *start.lists]
    return InputError(
        expected=f"one item a row in {start.file}",
        received=f"rows with many items, in {', '.join(names)}: {_shown(start, columns)}",
        remedy=f"write a row for each item, with the user and the time{_split_command(start, columns, lists)}",
    )


def _table(start: LogStart, columns: LogColumns) -> InputError | None:
    """Return the error of a table of items or users: each row has another one."""
    roles: tuple[tuple[Role, Role, str], ...] = (("item", "user", "items"), ("user", "item", "users"))
    for role, other, table in roles:
        ids = [name for name, each in columns.measured.items() if score(name, role) > 0 and each.is_row_id]
        if ids and not any(score(name, other) > 0 and each.repeats for name, each in columns.measured.items()):
            return InputError(
                expected=f"a log of interactions in {start.file}, with user, item and time",
                received=f"a table of {table}: each row has another {ids[0]}; {_shown(start, columns)}",
                remedy=f"give the log, and name this file in data.{table}.path",
            )
    return None


def _shown(start: LogStart, columns: LogColumns) -> str:
    described = [_describe(column) for column in columns.measured.values()]
    described += [f"{_short(name)} ({kind})" for name, kind in start.lists.items()]
    return "the columns " + ", ".join([*described[:_SHOWN], *["..."] * (len(described) > _SHOWN)])


def _describe(column: Column) -> str:
    name = _short(column.name)
    return f"{name} ({_short(column.example)!r})" if column.present else f"{name} (empty)"


def _short(text: str) -> str:
    return text[:_SHOWN_CHARACTERS] + "..." * (len(text) > _SHOWN_CHARACTERS)


def _split_command(start: LogStart, columns: LogColumns, lists: list[Column]) -> str:
    """Return a command that writes a row for each item of a list, if the file is delimited by tabs."""
    if not (start.dialect and start.dialect.delimiter == "\t" and lists and columns.user and columns.time):
        return ""
    numbers = {name: index + 1 for index, name in enumerate(start.columns)}
    column = lists[-1]
    user, time, items = numbers[columns.user.column], numbers[columns.time.column], numbers[column.name]
    shown = f"print ${user}, item[i], ${time}"
    if _IMPRESSIONS.fullmatch(column.example):
        shown = f'if (sub(/-1$/, "", item[i])) {shown}'
    reader = {".gz": "zcat", ".bz2": "bzcat", ".xz": "xzcat", ".zst": "zstdcat"}
    command = next((name for ending, name in reader.items() if start.file.endswith(ending)), "cat")
    return (
        f", like: {command} {start.file} | awk -F '\\t' -v OFS='\\t' "
        f"'{{n = split(${items}, item, \" \"); for (i = 1; i <= n; i++) {shown}}}' > log.tsv"
    )

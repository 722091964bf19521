"""Guess of the columns of a log: which one holds the user, the item, the time, the event and the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.guesses.column_words import Role, is_attribute, score
from components.example_gen.guesses.guess_csv import NUMBER, is_number
from components.example_gen.guesses.guess_times import NULL_WORDS, TimeGuess, guess_time, is_order
from schemas.config.columns import TimestampConfig

_FEW_ROWS = 20  # of fewer rows, a column with other values in each may be an id
_CATEGORIES = 50  # distinct values of an event
_FEW = 10  # distinct values of a rating or an event in a file without names
_LIST = re.compile(r"[^\s|,;]*\d[^\s|,;]*(?:[\s|,;]+[^\s|,;]*\d[^\s|,;]*){2,}")
_MAX_WORDS = 1.5  # of an id, on average


class Column(NamedTuple):
    """A column of the first rows, measured."""

    name: str
    rows: int
    present: int  # rows with a value
    distinct: int
    numeric: bool
    fraction: bool  # whether numbers have decimal places other than zeros
    list_share: float  # of the values that are several ids in one text
    words: float  # in a value, on average
    example: str

    @property
    def is_row_id(self) -> bool:
        """Whether each row has another value."""
        return self.rows >= _FEW_ROWS and self.distinct == self.rows

    @property
    def is_list(self) -> bool:
        """Whether many values are three ids or more."""
        return self.list_share > 0.3

    @property
    def repeats(self) -> bool:
        """Whether most rows have a value, and values occur more than once: those of a user or an item do."""
        return self.present * 2 > self.rows and not (self.is_row_id or self.is_list)

    @property
    def looks_like_id(self) -> bool:
        """Whether repeated values are short, and no measures."""
        return self.repeats and self.distinct > 1 and not self.fraction and self.words <= _MAX_WORDS


class Choice(NamedTuple):
    """A column for a role, and why."""

    column: str
    reason: str
    others: tuple[str, ...] = ()  # other columns that may have the role


class LogColumns(NamedTuple):
    """The guessed columns of a log; None for a role that no column has."""

    user: Choice | None
    item: Choice | None
    session: Choice | None
    time: Choice | None
    event: Choice | None
    value: Choice | None
    timestamp: TimestampConfig | None
    time_reason: str
    measured: Mapping[str, Column]


def measure(name: str, text: pa.Array) -> Column:
    """Measure the values of a column.

    Args:
        name: its name.
        text: its values, "" for a missing one.
    """
    values = pc.utf8_trim_whitespace(text)
    values = values.filter(pc.invert(pc.is_in(values, value_set=pa.array(["", *NULL_WORDS]))))
    distinct = pc.unique(values)
    some = distinct.slice(0, 1_000).to_pylist()
    numeric = bool(len(values)) and is_number(values)
    return Column(
        name,
        len(text),
        len(values),
        len(distinct),
        numeric,
        numeric and any(re.search(r"\.0*[1-9]", value) for value in some),
        sum(_LIST.fullmatch(value) is not None for value in some) / max(len(some), 1),
        sum(len(value.split()) for value in some) / max(len(some), 1),
        some[0] if some else "",
    )


def guess_columns(columns: Mapping[str, pa.Array], *, named: bool) -> LogColumns:
    """Guess the columns of a log by their names, then by their values.

    Args:
        columns: the first values of each column, "" for a missing one.
        named: whether the names are those of the file.
    """
    measured = {name: measure(name, text) for name, text in columns.items()}
    time, timestamp, time_reason = _guess_time(columns, measured)
    taken = {time.column} if time else set()
    event = _by_name(measured, "event", taken, lambda each: 1 < each.distinct <= _CATEGORIES and each.words < 3)
    value = _by_name(measured, "value", taken, lambda each: each.numeric and each.distinct > 1)
    taken |= {each.column for each in (event, value) if each}
    ids: dict[Role, Choice | None] = {"user": None, "item": None, "session": None}
    for role in ids:
        ids[role] = _by_name(measured, role, taken, lambda each: each.repeats)
        taken |= {each.column for each in ids.values() if each}
    user, item, session = ids.values()
    if user is None and session is not None:
        session = session._replace(reason=f"{session.reason}, and no column is a user: each session counts as one")
    elif session is not None and measured[session.column].present < measured[session.column].rows:
        session = None  # rows without one would be rejected
    user, item = _by_position(measured, taken, user, item, session)
    if not named:
        taken |= {each.column for each in (user, item) if each}
        event, value = (_by_values(measured, taken, fits) for fits in (_is_event, _is_rating))
    return LogColumns(user, item, session, time, event, value, timestamp, time_reason, measured)


def _by_name(
    measured: Mapping[str, Column], role: Role, taken: set[str], fits: Callable[[Column], bool]
) -> Choice | None:
    scores = {
        name: points
        for name, column in measured.items()
        if name not in taken and (points := score(name, role)) > 0 and fits(column)
    }
    if not scores:
        return None
    best, *others = sorted(scores, key=lambda name: (-scores[name], -measured[name].distinct))
    return Choice(best, f"by its name; {_values(measured[best])}", tuple(others))


def _by_position(
    measured: Mapping[str, Column], taken: set[str], user: Choice | None, item: Choice | None, session: Choice | None
) -> tuple[Choice | None, Choice | None]:
    """Fill roles that no name has: logs name the user before the item. A session takes the place of the user."""
    roles: dict[Role, Choice | None] = {"user": user or session, "item": item}
    wanted = [role for role, choice in roles.items() if choice is None and not _is_elsewhere(measured, role)]
    unknown = [
        column
        for name, column in measured.items()
        if name not in taken and column.looks_like_id and not _says_otherwise(name)
    ]
    found = {
        role: Choice(
            column.name,
            f"by its place among the columns of ids; {_values(column)}",
            tuple(other.name for other in unknown if other is not column),
        )
        for role, column in zip(wanted, unknown, strict=False)
    }
    return found.get("user", user), found.get("item", item)


def _says_otherwise(name: str) -> bool:
    """Return whether a name says that a column is no id."""
    others: tuple[Role, ...] = ("time", "event", "value")
    return is_attribute(name) or any(score(name, role) > 0 for role in others)


def _is_elsewhere(measured: Mapping[str, Column], role: Role) -> bool:
    """Return whether a column has the name of a role, and cannot have the role."""
    return any(score(name, role) > 0 and (each.is_row_id or each.is_list) for name, each in measured.items())


def _guess_time(
    columns: Mapping[str, pa.Array], measured: Mapping[str, Column]
) -> tuple[Choice | None, TimestampConfig | None, str]:
    """Return the column of the time by its values; by its name only if it holds whole numbers that are no dates."""
    found: dict[str, TimeGuess] = {
        name: guess for name, text in columns.items() if not _is_id(name) and (guess := guess_time(text))
    }
    if found:
        best, *others = sorted(found, key=lambda name: (-score(name, "time"), -measured[name].distinct))
        guess = found[best]
        by = "by its values and its name" if score(best, "time") > 0 else "by its values"
        return (
            Choice(best, f"{by}, like {measured[best].example!r}", tuple(others)),
            guess.timestamp,
            _with_others(guess),
        )
    orders = [name for name, text in columns.items() if score(name, "order") > 0 and is_order(text)]
    if not orders:
        return None, None, ""
    # Of two, one that rises from row to row ranks interactions. A clock falls each day.
    best, *others = sorted(orders, key=lambda name: (-round(_rising(columns[name]), 1), -score(name, "order")))
    reason = "The numbers are whole, and no dates in any unit: they rank interactions"
    return (
        Choice(best, f"by its name; whole numbers, like {measured[best].example!r}", tuple(others)),
        TimestampConfig(unit="order"),
        reason,
    )


def _rising(text: pa.Array) -> float:
    """Return the fraction of rows whose number is at least that of the row before."""
    numbers = pc.utf8_ltrim(text.filter(pc.match_substring_regex(text, NUMBER)), "+")  # Arrow reads no plus sign
    values = numbers.cast(pa.float64()).to_numpy()
    return float((np.diff(values) >= 0).mean()) if len(values) > 1 else 0.0


def _is_id(name: str) -> bool:
    ids: tuple[Role, ...] = ("user", "item", "session")
    return score(name, "time") <= 0 and any(score(name, role) > 0 for role in ids)


def _with_others(guess: TimeGuess) -> str:
    return guess.reason + (f". Also possible: {', '.join(guess.others)}" if guess.others else "")


def _by_values(measured: Mapping[str, Column], taken: set[str], fits: Callable[[Column], bool]) -> Choice | None:
    found = [column for name, column in measured.items() if name not in taken and fits(column)]
    return Choice(found[0].name, f"by its values; {_values(found[0])}") if found else None


def _is_rating(column: Column) -> bool:
    return column.numeric and _has_few(column)


def _is_event(column: Column) -> bool:
    return not column.numeric and column.words <= _MAX_WORDS and _has_few(column)


def _has_few(column: Column) -> bool:
    return 1 < column.distinct <= _FEW and column.present > _FEW * column.distinct


def _values(column: Column) -> str:
    return f"{column.distinct:,} values in {column.rows:,} rows, like {column.example!r}"

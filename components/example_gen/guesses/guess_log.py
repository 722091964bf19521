"""Guess of the section `data` of a configuration from the first rows of a log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.guesses.guess_columns import LogColumns, guess_columns
from components.example_gen.guesses.guess_further import FurtherColumn, further_columns
from components.example_gen.guesses.guess_times import NULL_WORDS
from components.example_gen.guesses.log_refusals import no_column, no_item
from components.example_gen.guesses.log_start import LogStart, read_start, reading_options
from components.example_gen.sources.source import needed_columns, to_record_batch
from components.example_gen.validation.rows import validate
from components.example_gen.values.null_texts import with_nulls
from schemas.config.log import DataConfig

_MAYBE_NULL = ("0", "0.0", "-1", "-", "unknown", "anonymous", "guest")  # ids, or signs of no id
_TIMES_NEXT = 3.0  # how much more often such a sign must occur than each other value
_MIN_RUNS = 3  # of successive rows with it: a log in the order of its users has one run of a user
_MARGIN = 0.1  # added to the share of rejected rows in the sample
_MAX_REJECTED_SHARE: float = DataConfig.model_fields["max_rejected_share"].default
_EVENTS_SHOWN = 8


class LogGuess(NamedTuple):
    """A description of a log, with a comment on each guess."""

    data: DataConfig
    comments: dict[str, str]  # by the path of the setting below `data`
    further: list[FurtherColumn]
    rows: int  # that were read
    rejected: dict[str, int]  # of them, by reason
    repeated: float  # the fraction of accepted rows with an item that the user had before


def guess_log(path: str) -> LogGuess:
    """Guess how to read a log, from its first rows.

    Args:
        path: a file, a folder or a glob.

    Returns:
        The guess, with which most rows that were read are interactions.

    Raises:
        InputError: there is no file, or it is no log: a column of users, items or times is missing.

    Example:
        ```python
        guess = guess_log("orders/*.csv.gz")
        print(guess.data.columns.user, guess.comments["columns.user"])
        ```
    """
    start = read_start(path)
    columns = guess_columns(start.columns, named=start.has_header)
    names = {} if start.has_header else _names_of_roles(columns)
    settings, comments = _settings(start, columns, names)
    data = DataConfig.model_validate(settings)
    accepted, rejected = _validated(start, data, names)
    data = _allow_rejected(data, len(start.rows.lines), rejected, comments)
    further = further_columns(start, columns, data, names)
    return LogGuess(data, comments, further, len(start.rows.lines), rejected, _repeated(accepted))


def _settings(start: LogStart, columns: LogColumns, names: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the section `data` and the comments on it.

    Raises:
        InputError: a column of users, items or times is missing.
    """
    if columns.time is None or columns.timestamp is None:
        raise no_column("time", start, columns)
    if columns.user is None and columns.session is None:
        raise no_column("user", start, columns)
    if columns.item is None:
        raise no_item(start, columns)
    chosen = {
        role: choice
        for role, choice in {
            "user": columns.user,
            "session": columns.session,
            "item": columns.item,
            "timestamp": columns.time,
            "event": columns.event,
            "value": columns.value,
        }.items()
        if choice
    }
    comments = _format_comments(start) | {"timestamp": f"{columns.time_reason}."}
    for role, choice in chosen.items():
        others = f". Also possible: {', '.join(choice.others)}" if choice.others else ""
        comments[f"columns.{role}"] = f"Guessed {choice.reason}{others}."
    if columns.event:
        comments["columns.event"] += f" Rows by event: {_counts(start.columns[columns.event.column])}."
    settings = reading_options(start)
    if "column_names" in settings:
        settings["column_names"] = [names.get(name, name) for name in settings["column_names"]]
    settings["columns"] = {role: names.get(choice.column, choice.column) for role, choice in chosen.items()}
    settings["timestamp"] = columns.timestamp.model_dump(exclude_none=True)
    nulls = {
        value: count
        for choice in (columns.user or columns.session, columns.item)
        if choice
        for value, count in _null_values(start.columns[choice.column]).items()
    }
    if nulls:
        settings["null_values"] = ["", *nulls]
        shown = ", ".join(f"{value!r} in {count:,} rows" for value, count in nulls.items())
        comments["null_values"] = (
            f"Guessed to mean no user or no item: {shown}. In further columns they are missing values."
        )
    return settings, comments


def _names_of_roles(columns: LogColumns) -> dict[str, str]:
    """Return names for the columns of a file without a header."""
    roles = {
        "user": columns.user,
        "item": columns.item,
        "timestamp": columns.time,
        "event": columns.event,
        "value": columns.value,
    }
    return {choice.column: role for role, choice in roles.items() if choice}


def _format_comments(start: LogStart) -> dict[str, str]:
    content = {
        "csv": "text in lines",
        "jsonl": "an object on each line",
        "parquet": "the first bytes of Parquet",
        "avro": "the first bytes of Avro",
        "tfrecord": "records with the checksums of TFRecord",
    }[start.format]
    comments = {"format": f"Guessed from the content: {content}."}
    if start.dialect:
        dialect = start.dialect
        others = ", ".join(map(repr, dialect.others))
        comments["delimiter"] = (
            f"{dialect.fits:,} of the first {dialect.rows:,} rows have {dialect.width} fields"
            + (f". Also possible: {others}" if others else "")
            + "."
        )
        comments["quote"] = "The quote that fits the most rows; null if the log does not quote."
        comments["column_names"] = "The first row has values like the others, so the file has no header line."
    return comments


def _null_values(text: pa.Array) -> dict[str, int]:
    """Return the values of a column of ids that mean "none", each with its rows."""
    counts = {row["values"]: row["counts"] for row in pc.value_counts(pc.utf8_trim_whitespace(text)).to_pylist()}
    counts.pop("", None)
    found = {value: count for value, count in counts.items() if value in NULL_WORDS}
    for value in _MAYBE_NULL:
        others = max((count for other, count in counts.items() if other not in found and other != value), default=0)
        if counts.get(value, 0) > _TIMES_NEXT * others and _runs(text, value) >= _MIN_RUNS:
            found[value] = counts[value]
    return found


def _runs(text: pa.Array, value: str) -> int:
    """Return how many times successive rows with a value begin."""
    found = pc.equal(pc.utf8_trim_whitespace(text), value).to_numpy(zero_copy_only=False).astype(np.int8)
    return int((np.diff(found, prepend=0) == 1).sum())


def _validated(start: LogStart, data: DataConfig, names: Mapping[str, str]) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Return the accepted rows of the sample, and the rejected ones by reason."""
    by_name = {names.get(name, name): text for name, text in start.columns.items()}
    needed = needed_columns(data)
    wrong = start.rows.errors.is_valid()
    texts = [with_nulls(by_name[name], wrong) for name in needed]
    batch = to_record_batch(start.rows._replace(columns=texts), needed, data, "sample")
    accepted, rejected = validate(batch, data)
    counts = pc.value_counts(rejected.column(0)).to_pylist()
    return accepted, {row["values"]: row["counts"] for row in counts}


def _allow_rejected(data: DataConfig, rows: int, rejected: Mapping[str, int], comments: dict[str, str]) -> DataConfig:
    """Raise the limit of rejected rows if the sample exceeds it."""
    share = sum(rejected.values()) / rows
    if share <= _MAX_REJECTED_SHARE / 2:
        return data
    limit = min(1.0, math.ceil((share + _MARGIN) * 20) / 20)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(rejected.items(), key=lambda item: -item[1]))
    comments["max_rejected_share"] = (
        f"Of the first {rows:,} rows, {share:.0%} are rejected: {reasons}. docs/data.md has the reasons."
        " Lower the limit if fewer rows of the whole log are rejected."
    )
    return data.model_copy(update={"max_rejected_share": limit})


def _repeated(accepted: pa.RecordBatch) -> float:
    pairs = pc.binary_join_element_wise(accepted.column(0), accepted.column(1), "\x1f")
    return 1 - len(pc.unique(pairs)) / len(pairs) if len(pairs) else 0.0


def _counts(text: pa.Array) -> str:
    counts = sorted(pc.value_counts(text).to_pylist(), key=lambda row: -row["counts"])
    shown = [f"{row['values'] or '(empty)'} {row['counts']:,}" for row in counts[:_EVENTS_SHOWN]]
    return ", ".join([*shown, *["..."] * (len(counts) > _EVENTS_SHOWN)])

"""Likely causes of a log that cannot be read: a wrong delimiter, or timestamps of another kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from components.example_gen.sources.csv_rows import read_rows
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.values.times import plausible
from schemas.config.columns import TimestampConfig
from schemas.config.log import DataConfig
from schemas.config.time_format import ISO8601
from schemas.errors import InputError

DELIMITERS = ",;\t| "
_UNITS: tuple[Literal["s", "ms", "us", "ns"], ...] = ("s", "ms", "us", "ns")
_FORMATS = (
    ISO8601,
    *(
        f"{date}{clock}"
        for date in ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y")
        for clock in (" %H:%M:%S", " %H:%M", "")
    ),
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%b/%Y:%H:%M:%S %z",  # of web servers
    "%Y%m%d%H%M%S",
    "%Y%m%d",
)
_LIKELY = (*(TimestampConfig(unit=unit) for unit in _UNITS), *(TimestampConfig(format=form) for form in _FORMATS))


def wrong_delimiter(
    line: str, fields: int, names: Sequence[str] | None, data: ReadingOptions, name: str
) -> InputError | None:
    """Return an error if another delimiter splits a line better.

    Args:
        line: the header line, or a row of a log without one.
        fields: the number of fields that the configured delimiter gives.
        names: the columns that the header must have; None for a row, which must have as many
            fields as `data.column_names`.
        data: the reading options.
        name: the file, for the message.

    Returns:
        The error with the better delimiter, or None.
    """
    if "::" in line and data.delimiter not in line:
        return InputError(
            expected=f"fields separated by one character, {data.delimiter!r}, in {name}",
            received=f"a line with the separator '::': {line.rstrip()[:100]!r}",
            remedy="replace the separator, like: sed 's/::/\\t/g', and set data.delimiter: \"\\t\"",
        )
    for delimiter, split in _other_splits(line, names, data) if line.strip() else ():
        if names is None:
            fits = len(list(filter(None, split)) if delimiter == " " else split) == len(data.column_names or ())
        else:
            fits = len(split) > fields and (fields == 1 or set(names) <= set(split))
        if fits:
            return _use_delimiter(delimiter, split, line, data, name)
    return None


def _other_splits(line: str, names: Sequence[str] | None, data: ReadingOptions) -> Iterator[tuple[str, list[str]]]:
    """Yield each other delimiter and its fields of the line, the best split first.

    Blanks come last, because they may be part of names.
    """
    splits = []
    for delimiter in DELIMITERS.replace(data.delimiter, ""):
        row = next(read_rows([line], delimiter, data.quote), None)
        splits.append((delimiter, (row and row.fields) or []))
    wanted = set(names or ())
    order = {
        delimiter: (not (wanted and wanted <= set(split)), delimiter == " ", -len(split)) for delimiter, split in splits
    }
    yield from sorted(splits, key=lambda split: order[split[0]])


def _use_delimiter(delimiter: str, split: list[str], line: str, data: ReadingOptions, name: str) -> InputError:
    yaml = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'
    remedy = f"set data.delimiter: {yaml}"
    if delimiter == " " and "" in split:
        remedy = f"replace runs of blanks by one, like: tr -s ' ', and {remedy}"
    return InputError(
        expected=f"fields separated by {data.delimiter!r} in {name}",
        received=f"a line with the separator {delimiter!r}: {line.rstrip()[:100]!r}",
        remedy=remedy,
    )


def likely_timestamp(times: Mapping[str, int]) -> TimestampConfig | None:
    """Return the setting that reads most of the times of a log.

    Args:
        times: rows by the text of their time.

    Returns:
        The unit or format that gives plausible times for the most rows; None if it does for half of them or fewer.
    """
    texts, rows = pa.array(list(times), pa.string()), np.array(list(times.values()))
    read = [int(rows[plausible(texts, timestamp)].sum()) for timestamp in _LIKELY]
    best = max(range(len(read)), key=lambda index: read[index])
    return _LIKELY[best] if 2 * read[best] > rows.sum() else None


def remedy_for_times(times: Mapping[str, int], data: DataConfig, accepted: int) -> str:
    """Return what to do about rows that are rejected for their time.

    Args:
        times: a sample of these rows: their number by the text of their time.
        data: the reading options of the log.
        accepted: the number of accepted rows.

    Returns:
        An instruction that names the unit or format of most of these times, if there is one.
    """
    timestamp, likely = data.timestamp, likely_timestamp(times)
    if likely is None:
        return _remedy_for_unknown(timestamp)
    if likely.format is not None and timestamp.format is not None and accepted:
        formats = ", ".join(map(_yaml, (*timestamp.formats, *likely.formats)))
        return f"set data.timestamp.format: [{formats}]"
    if likely.unit is not None:
        remedy = f"set data.timestamp.unit: {likely.unit}"
        remedy += ", and no data.timestamp.format" * (timestamp.format is not None)
    else:
        remedy = f"set data.timestamp.format: {_yaml(*likely.formats)}"
        remedy += ", and no data.timestamp.unit" * (timestamp.unit is not None)
    if accepted and timestamp.unit != "order":
        remedy += f"; the {accepted:,} accepted rows are rejected then, unless you convert their times"
    return remedy


def _yaml(form: str) -> str:
    return form if form == ISO8601 else f'"{form}"'


def _remedy_for_unknown(timestamp: TimestampConfig) -> str:
    if timestamp.unit == "order":
        return (
            "number the interactions in the log with whole numbers from 0 to 2**53, or set the unit or format of times"
        )
    if timestamp.unit is not None:
        return (
            "check data.columns.timestamp, whose times must lie between 1980 and 2100; set data.timestamp.format if"
            " times are text, or data.timestamp.unit: order if numbers are no dates"
        )
    return "check data.columns.timestamp; correct data.timestamp.format: iso8601, or strptime's directives"


def expected_times(data: DataConfig, name: str) -> str:
    """Return which times the configuration expects, for the message of an error.

    Args:
        data: the reading options of the log.
        name: a file of the log.
    """
    column = f"in column {data.columns.timestamp!r} of {name}"
    if data.timestamp.unit == "order":
        return f"whole numbers from 0 to 2**53 {column}, in order"
    kind = f"in {data.timestamp.unit}" if data.timestamp.unit else f"like {' or '.join(data.timestamp.formats)}"
    return f"times between 1980 and 2100 {column}, {kind}"

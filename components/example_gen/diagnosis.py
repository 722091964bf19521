"""Likely causes of a log that cannot be read: a wrong delimiter, or timestamps of another kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import pyarrow as pa

from components.example_gen.csv_rows import read_rows
from components.example_gen.times import plausible
from schemas.config.log import DataConfig, TimestampConfig
from schemas.errors import InputError

DELIMITERS = ",;\t| "
UNITS: tuple[Literal["s", "ms", "us", "ns"], ...] = ("s", "ms", "us", "ns")


def wrong_delimiter(
    line: str, fields: int, names: Sequence[str] | None, data: DataConfig, name: str
) -> InputError | None:
    """Return an error if another delimiter splits a line better.

    Args:
        line: the header line, or a row of a log without one.
        fields: the number of fields that the configured delimiter gives.
        names: the columns that the header must have; None for a row, which must have as many
            fields as `data.column_names`.
        data: the reading options of the log.
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
    for delimiter, split in _other_splits(line, names, data):
        if names is None:
            fits = len(list(filter(None, split)) if delimiter == " " else split) == len(data.column_names or ())
        else:
            fits = len(split) > fields and (fields == 1 or set(names) <= set(split))
        if fits:
            return _use_delimiter(delimiter, split, line, data, name)
    return None


def _other_splits(line: str, names: Sequence[str] | None, data: DataConfig) -> Iterator[tuple[str, list[str]]]:
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


def _use_delimiter(delimiter: str, split: list[str], line: str, data: DataConfig, name: str) -> InputError:
    yaml = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'
    remedy = f"set data.delimiter: {yaml}"
    if delimiter == " " and "" in split:
        remedy = f"replace runs of blanks by one, like: tr -s ' ', and {remedy}"
    return InputError(
        expected=f"fields separated by {data.delimiter!r} in {name}",
        received=f"a line with the separator {delimiter!r}: {line.rstrip()[:100]!r}",
        remedy=remedy,
    )


def wrong_timestamp(batches: list[pa.RecordBatch], data: DataConfig, rows: int, wrong: int) -> InputError:
    """Return an error for timestamps that are wrong in most rows.

    Args:
        batches: the rows.
        data: the reading options of the log.
        rows: the number of rows.
        wrong: the number of rows with a wrong timestamp, at least one.

    Returns:
        The error; its remedy names the unit that fits most rows, if there is one.
    """
    column = pa.concat_arrays([batch.column(batch.schema.get_field_index(data.columns.timestamp)) for batch in batches])
    column = column.drop_null()
    example = next(
        text for text, good in zip(column.to_pylist(), plausible(column, data.timestamp), strict=True) if not good
    )
    fractions = {unit: plausible(column, TimestampConfig(unit=unit)).mean() for unit in UNITS}
    unit = max(fractions, key=lambda unit: fractions[unit])
    if fractions[unit] > 0.5:
        remedy = f"set data.timestamp.unit: {unit}"
        remedy += ", and no data.timestamp.format" * (data.timestamp.format is not None)
    elif data.timestamp.unit == "order":
        remedy = "number the interactions in the log with whole numbers, or set the unit or format of its times"
    elif data.timestamp.unit is not None:
        remedy = "set data.timestamp.format if times are text, or data.timestamp.unit: order if numbers are no dates"
    else:
        remedy = "correct data.timestamp.format: iso8601, or strptime's directives"
    return InputError(
        expected=_expected_times(data),
        received=f"{example!r}, and others like it, in {wrong:,} of the first {rows:,} rows",
        remedy=remedy,
    )


def _expected_times(data: DataConfig) -> str:
    if data.timestamp.unit == "order":
        return f"whole numbers from 0 to 2**53 in column {data.columns.timestamp!r}, in order"
    kind = f"in {data.timestamp.unit}" if data.timestamp.unit else f"like {' or '.join(data.timestamp.formats)}"
    return f"times between 1980 and 2100 in column {data.columns.timestamp!r}, {kind}"

"""Validation of rows, by column: a row becomes an interaction, or is rejected with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.csv_rows import printable
from components.example_gen.fixed_times import read_fixed_times
from schemas.config.log import DataConfig, Feature, FilterConfig, TimestampConfig
from schemas.interaction import ERROR, FILE, LINE, RAW, REJECTED, RejectionReason, interaction_schema

ACCEPTED_TAG, REJECTED_TAG = "accepted", "rejected"

UNITS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "order": 1}
EARLIEST_S = 315_532_800.0  # 1980-01-01: an unset clock writes 1970
LATEST_S = 4_102_444_800.0  # 2100-01-01: times in a wrong unit are far beyond
LARGEST_ORDER = 2.0**53  # whole numbers are exact in float64 up to here

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"  # what float() accepts, without nan, inf and 1_000

_INTEGER_DIGITS = 19  # any such number fits into uint64

_REASONS = np.array([*(reason.value for reason in RejectionReason), None], dtype=object)

Mask = npt.NDArray[np.bool_]
Seconds = npt.NDArray[np.float64]


def validate(batch: pa.RecordBatch, data: DataConfig) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Separate interactions from rejected rows.

    White space around a value is removed before anything else. A row is rejected for the first
    member of `RejectionReason` that applies to it. A value with a line break in it is malformed,
    because a vocabulary file has one value a line.

    Args:
        batch: rows of `raw_schema(needed_columns(data))`.
        data: the reading options and filters of the log.

    Returns:
        A batch of `interaction_schema` and one of `REJECTED`, both in the order of the rows.
        Together they have as many rows as `batch`.
    """
    users, items = _trimmed(batch, data.columns.user), _trimmed(batch, data.columns.item)
    timestamps_s, readable = _seconds(_trimmed(batch, data.columns.timestamp), data.timestamp)
    errors = _column(batch, ERROR)
    features = [feature for feature in data.features if not feature.in_table]
    read = [_further(batch, feature, data) for feature in features]
    further = [column for column, _ in read]
    wrong = {
        RejectionReason.MALFORMED: np.logical_or.reduce(
            [
                _is(errors, RejectionReason.MALFORMED),
                *(_matches(text, r"[\r\n]") for text in (users, items, *further) if text.type == pa.string()),
            ]
        ),
        RejectionReason.WRONG_FIELD_COUNT: _is(errors, RejectionReason.WRONG_FIELD_COUNT),
        RejectionReason.BAD_ENCODING: _is(errors, RejectionReason.BAD_ENCODING),
        RejectionReason.NO_USER: _is_null_value(users, data),
        RejectionReason.NO_ITEM: _is_null_value(items, data),
        RejectionReason.BAD_TIMESTAMP: ~readable,
        RejectionReason.TIMESTAMP_OUT_OF_RANGE: ~_in_range(timestamps_s, data.timestamp),
        RejectionReason.FILTERED: ~_passes(batch, data.filters),
        RejectionReason.BAD_NUMBER: ~np.logical_and.reduce(
            [np.ones(batch.num_rows, np.bool_), *(good for _, good in read)]
        ),
    }
    reason = np.select(
        [wrong[reason] for reason in RejectionReason], range(len(RejectionReason)), default=len(RejectionReason)
    )
    accepted = reason == len(RejectionReason)
    files, lines = _column(batch, FILE), _column(batch, LINE)
    return (
        _rows([users, items, pa.array(timestamps_s), files, lines, *further], accepted, interaction_schema(features)),
        _rows([pa.array(_REASONS[reason], pa.string()), files, lines, _column(batch, RAW)], ~accepted, REJECTED),
    )


def _further(batch: pa.RecordBatch, feature: Feature, data: DataConfig) -> tuple[pa.Array, Mask]:
    """Return a further column for `interaction_schema`, and which of its rows are readable."""
    text = _trimmed(batch, feature.column)
    unknown = _is_null_value(text, data)
    if feature.kind == "category":
        return pc.if_else(pa.array(unknown), "", text), np.ones(batch.num_rows, np.bool_)
    numbers = np.where(unknown, np.nan, _numbers(text))
    return pa.array(numbers), unknown | np.isfinite(numbers)


def plausible(text: pa.Array, timestamp: TimestampConfig) -> Mask:
    """Return which of the texts are times in the accepted range.

    Args:
        text: string array.
        timestamp: the unit or format of the times.

    Returns:
        Bool [texts].
    """
    timestamps_s, readable = _seconds(pc.utf8_trim_whitespace(text), timestamp)
    return readable & _in_range(timestamps_s, timestamp)


def _rows(columns: list[pa.Array], keep: Mask, schema: pa.Schema) -> pa.RecordBatch:
    mask = pa.array(keep)
    return pa.RecordBatch.from_arrays([_plain(column.filter(mask)) for column in columns], schema=schema)


def _plain(column: pa.Array) -> pa.Array:
    """Return the texts of a dictionary or of the bytes of rows as strings; any other column as it is."""
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if pa.types.is_binary(column.type):
        return pa.array([printable(raw) for raw in column.to_pylist()], pa.string())
    return column


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _trimmed(batch: pa.RecordBatch, column: str) -> pa.Array:
    """Return the column's text without white space around it; "" for a row that could not be split."""
    return pc.fill_null(pc.utf8_trim_whitespace(_column(batch, column)), "")


def _numpy(mask: pa.Array) -> Mask:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _is(errors: pa.Array, reason: RejectionReason) -> Mask:
    return _numpy(pc.fill_null(pc.equal(errors, reason.value), False))


def _matches(text: pa.Array, pattern: str) -> Mask:
    return _numpy(pc.match_substring_regex(text, pattern))


def _is_null_value(ids: pa.Array, data: DataConfig) -> Mask:
    # An empty id is always a null value: "" is the padding of histories.
    return _numpy(pc.is_in(ids, value_set=pa.array(["", *data.null_values], pa.string())))


def _seconds(text: pa.Array, timestamp: TimestampConfig) -> tuple[Seconds, Mask]:
    """Return times in seconds, NaN for a text that is not a time, and which of the texts are times."""
    if timestamp.format is not None:
        seconds = read_fixed_times(text, timestamp.format)
        others = np.isnan(seconds)
        if others.any():
            distinct = text.filter(pa.array(others)).dictionary_encode()
            parsed = np.array([_parse(value, timestamp.format) for value in distinct.dictionary.to_pylist()])
            seconds[others] = parsed[distinct.indices.to_numpy()]
        return seconds, ~np.isnan(seconds)
    numbers = _numbers(text, UNITS_PER_SECOND[str(timestamp.unit)])
    if timestamp.unit == "order":
        return numbers, (numbers >= 0) & (numbers == np.floor(numbers))
    return numbers, ~np.isnan(numbers)


def _parse(value: str, directives: str) -> float:
    try:
        moment = datetime.strptime(value, directives)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _numbers(text: pa.Array, divisor: int = 1) -> Seconds:
    """Return the texts as float64, divided; NaN for a text that is not a number, infinite beyond float64."""
    is_integer = _numpy(pc.and_(pc.ascii_is_decimal(text), pc.less_equal(pc.binary_length(text), _INTEGER_DIGITS)))
    if is_integer.all():
        return _integers(text, divisor)
    numbers = np.empty(len(text))
    numbers[is_integer] = _integers(text.filter(pa.array(is_integer)), divisor)
    numbers[~is_integer] = _floats(text.filter(pa.array(~is_integer)), divisor)
    return numbers


def _integers(text: pa.Array, divisor: int) -> Seconds:
    """Return texts of at most `_INTEGER_DIGITS` digits as float64, divided."""
    integers = pc.cast(text, pa.uint64()).to_numpy()
    if divisor < UNITS_PER_SECOND["ns"]:
        return np.asarray(integers.astype(np.float64) / divisor)
    return np.array([integer / divisor for integer in integers.tolist()], dtype=np.float64)  # see _quotient


def _floats(text: pa.Array, divisor: int) -> Seconds:
    number = pc.if_else(pc.match_substring_regex(text, _NUMBER), text, pa.scalar("nan"))
    if divisor < UNITS_PER_SECOND["ns"]:
        try:
            # Arrow accepts no plus sign.
            parsed = pc.cast(pc.utf8_ltrim(number, "+"), pa.float64())
            return np.asarray(parsed.to_numpy(zero_copy_only=False), dtype=np.float64) / divisor
        except pa.ArrowInvalid:
            pass  # some versions of Arrow refuse numbers beyond float64
    return np.array([_quotient(value, divisor) for value in number.to_pylist()], dtype=np.float64)


def read_number(text: str) -> float:
    """Return the text as a number, NaN if it is not one.

    Args:
        text: digits with a sign, a decimal point and an exponent, each optional.
    """
    return float(text) if re.match(_NUMBER, text) else np.nan


def _quotient(number: str, divisor: int) -> float:
    # Nanoseconds have more digits than float64. Rounding before the division could move a time below a whole second.
    whole = number.isdigit() and len(number) < 30
    return int(number) / divisor if whole else float(number) / divisor


def _in_range(timestamps_s: Seconds, timestamp: TimestampConfig) -> Mask:
    if timestamp.unit == "order":
        return np.asarray(timestamps_s <= LARGEST_ORDER)
    return np.asarray((timestamps_s >= EARLIEST_S) & (timestamps_s < LATEST_S))


def _passes(batch: pa.RecordBatch, filters: tuple[FilterConfig, ...]) -> Mask:
    passes = np.ones(batch.num_rows, dtype=np.bool_)
    for rule in filters:
        text = _trimmed(batch, rule.column)
        if rule.above is not None:
            passes &= _numbers(text) > rule.above
        else:
            pattern = re.compile(str(rule.matches))
            distinct = text.dictionary_encode()
            full = [pattern.fullmatch(value) is not None for value in distinct.dictionary.to_pylist()]
            passes &= np.array(full or [False], dtype=np.bool_)[distinct.indices.to_numpy()]
    return passes


def _tagged(batch: pa.RecordBatch, data: DataConfig) -> Iterator[Any]:
    accepted, rejected = validate(batch, data)
    if accepted.num_rows:
        yield accepted
    if rejected.num_rows:
        yield beam.pvalue.TaggedOutput(REJECTED_TAG, rejected)


class ValidateInteractions(beam.PTransform):
    """Transform of text batches to batches of interactions (`accepted`) and of rejected rows (`rejected`).

    Args:
        data: the reading options and filters of the log.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, batches: beam.PCollection) -> Any:
        """Return two outputs, which contain every row of `batches` exactly once."""
        outputs = beam.FlatMap(_tagged, self._data).with_outputs(REJECTED_TAG, main=ACCEPTED_TAG)
        return batches | "Validate" >> outputs

"""Validation of rows, by column: a row becomes an interaction, or is rejected with a reason."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.validation.columns import (
    Mask,
    filter_rows,
    has_error,
    has_line_break,
    is_too_long,
    named_column,
    to_mask,
    trimmed,
)
from components.example_gen.validation.filters import first_failed_filters
from components.example_gen.validation.rejection_details import TIME_REASONS, RejectionDetails, count_times
from components.example_gen.values.text_numbers import read_numbers
from components.example_gen.values.times import in_range, read_times
from schemas.config.log import DataConfig, Feature
from schemas.features import SESSION
from schemas.interaction import FILE, LINE, PROVENANCE, RAW, REJECTED, interaction_schema
from schemas.rejection import RejectionReason

_REASONS = np.array([*(reason.value for reason in RejectionReason), None], dtype=object)
_INDICES = {reason: index for index, reason in enumerate(RejectionReason)}
_ACCEPTED = len(RejectionReason)


class _Judged(NamedTuple):
    """The columns of a batch, and what is wrong with its rows."""

    columns: list[pa.Array]  # of `interaction_schema`
    times: pa.Array  # as text
    reasons: npt.NDArray[np.intp]  # index in `RejectionReason`, or `_ACCEPTED`
    failed_filters: npt.NDArray[np.intp]  # see `first_failed_filters`


def validate(batch: pa.RecordBatch, data: DataConfig) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Separate interactions from rejected rows.

    White space around a value is removed before anything else. A row is rejected for the first
    member of `RejectionReason` that applies to it. A value with a line break in it is malformed,
    because a vocabulary file has one value a line. So is one with more than `LONGEST_FIELD` characters.

    Args:
        batch: rows of `raw_schema(needed_columns(data))`.
        data: the reading options and filters of the log.

    Returns:
        A batch of `interaction_schema` and one of `REJECTED`, both in the order of the rows.
        Together they have as many rows as `batch`.
    """
    return validate_in_detail(batch, data)[:2]


def validate_in_detail(
    batch: pa.RecordBatch, data: DataConfig
) -> tuple[pa.RecordBatch, pa.RecordBatch, RejectionDetails]:
    """Return what `validate` returns, and which filters and times rejected rows.

    Args:
        batch: rows of `raw_schema(needed_columns(data))`.
        data: the reading options and filters of the log.
    """
    judged = _judge(batch, data)
    accepted = judged.reasons == _ACCEPTED
    reasons = pa.array(_REASONS[judged.reasons], pa.string())
    rejected = [reasons, *(named_column(batch, name) for name in (FILE, LINE, RAW))]
    return (
        filter_rows(judged.columns, accepted, interaction_schema(data.carried)),
        filter_rows(rejected, ~accepted, REJECTED),
        _details(judged, data),
    )


def _judge(batch: pa.RecordBatch, data: DataConfig) -> _Judged:
    users, items, times = (
        trimmed(batch, column) for column in (data.columns.sequence, data.columns.item, data.columns.timestamp)
    )
    timestamps_s, readable = read_times(times, data.timestamp)
    filter_texts = [trimmed(batch, rule.column) for rule in data.filters]
    failed_filters = first_failed_filters(filter_texts, data.filters, batch.num_rows)
    read = [_further(batch, feature, data) for feature in data.carried]
    further = [column for column, _ in read]
    by_name = {feature.name: column for feature, column in zip(data.carried, further, strict=True)}
    sessions = by_name.get(SESSION) if data.columns.user else users
    none = np.zeros(batch.num_rows, np.bool_)
    wrong = {
        RejectionReason.MALFORMED: np.logical_or.reduce(
            [
                has_error(batch, RejectionReason.MALFORMED.value),
                *(has_line_break(text) for text in (users, items, *further) if text.type == pa.string()),
                *(is_too_long(column) for column in batch.columns[: -len(PROVENANCE)]),
            ]
        ),
        RejectionReason.WRONG_FIELD_COUNT: has_error(batch, RejectionReason.WRONG_FIELD_COUNT.value),
        RejectionReason.BAD_ENCODING: has_error(batch, RejectionReason.BAD_ENCODING.value),
        RejectionReason.NO_USER: _is_null_value(users, data) if data.columns.user else none,
        RejectionReason.NO_ITEM: _is_null_value(items, data),
        RejectionReason.NO_SESSION: none if sessions is None else _is_null_value(sessions, data),
        RejectionReason.BAD_TIMESTAMP: ~readable,
        RejectionReason.TIMESTAMP_OUT_OF_RANGE: ~in_range(timestamps_s, data.timestamp),
        RejectionReason.FILTERED: failed_filters < len(data.filters),
        RejectionReason.BAD_NUMBER: ~np.logical_and.reduce(
            [np.ones(batch.num_rows, np.bool_), *(good for _, good in read)]
        ),
    }
    return _Judged(
        columns=[users, items, pa.array(timestamps_s), named_column(batch, FILE), named_column(batch, LINE), *further],
        times=times,
        reasons=np.select(list(wrong.values()), [_INDICES[reason] for reason in wrong], default=_ACCEPTED),
        failed_filters=failed_filters,
    )


def _details(judged: _Judged, data: DataConfig) -> RejectionDetails:
    failed = judged.failed_filters[judged.reasons == _INDICES[RejectionReason.FILTERED]]
    filtered: Counter[str] = Counter()
    for index, rule in enumerate(data.filters):
        filtered[rule.condition] += int((failed == index).sum())
    of_time = np.isin(judged.reasons, [_INDICES[reason] for reason in TIME_REASONS])
    return RejectionDetails(filtered, count_times(judged.times.filter(pa.array(of_time))))


def _further(batch: pa.RecordBatch, feature: Feature, data: DataConfig) -> tuple[pa.Array, Mask]:
    """Return a further column for `interaction_schema`, and which of its rows are readable."""
    text = trimmed(batch, feature.column)
    unknown = _is_null_value(text, data)
    if feature.kind == "category":
        return pc.if_else(pa.array(unknown), "", text), np.ones(batch.num_rows, np.bool_)
    numbers = np.where(unknown, np.nan, read_numbers(text))
    return pa.array(numbers), unknown | np.isfinite(numbers)


def _is_null_value(ids: pa.Array, data: DataConfig) -> Mask:
    # An empty id is always a null value: "" is the padding of histories.
    return to_mask(pc.is_in(ids, value_set=pa.array(["", *data.null_values], pa.string())))

"""Validation of impressions, by column: a row becomes a list that was shown, or is rejected with a reason."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
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
from components.example_gen.values.times import in_range, read_times
from schemas.config.impressions import ImpressionsConfig
from schemas.impression import IMPRESSION
from schemas.interaction import FILE, LINE, PROVENANCE, RAW, REJECTED
from schemas.rejection import ImpressionRejection as Reason

_REASONS = np.array([*(reason.value for reason in Reason), None], dtype=object)
_ACCEPTED = len(Reason)


class _Lists(NamedTuple):
    """The lists of all rows, one after the other."""

    entries: pa.Array  # str [entries], without white space around them
    lengths: npt.NDArray[np.int64]  # [rows]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each entry."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def rows_with(self, mask: Mask) -> Mask:
        """Return which rows have an entry of the mask."""
        return np.bincount(self.rows[mask], minlength=len(self.lengths)) > 0

    def column(self, values: pa.Array) -> pa.ListArray:
        """Return values of the entries as one list a row."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def validate_impressions(
    batch: pa.RecordBatch, impressions: ImpressionsConfig
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Separate impressions from rejected rows. Duplicates, the last reason, are judged later.

    White space around a value and around an entry of a list is removed. A row is rejected for the first member of
    `ImpressionRejection` that applies to it. An empty history is accepted. An item that is shown twice keeps both
    positions, and with a list of clicked items both are clicked.

    Args:
        batch: rows of `raw_schema`, with the columns that the settings name.
        impressions: the reading options of the log.

    Returns:
        A batch of `IMPRESSION` and one of `REJECTED`, both in the order of the rows. Together they have as many rows
        as `batch`.
    """
    columns = impressions.columns
    ids, users, times = (trimmed(batch, name) for name in (columns.impression, columns.user, columns.timestamp))
    timestamps_s, readable = read_times(times, impressions.timestamp)
    history, shown, clicks = (
        _lists(batch, name, impressions) for name in (columns.history, columns.shown, columns.clicked)
    )
    items, clicked, good = _read_shown(shown, clicks, impressions)
    texts = [trimmed(batch, name) for name in batch.schema.names[: -len(PROVENANCE)]]
    wrong = {
        Reason.MALFORMED: np.logical_or.reduce(
            [
                has_error(batch, Reason.MALFORMED.value),
                *(has_line_break(text) for text in texts),
                *(is_too_long(text) for text in texts),
                *(lists.rows_with(has_line_break(lists.entries)) for lists in (history, shown, clicks)),
            ]
        ),
        Reason.WRONG_FIELD_COUNT: has_error(batch, Reason.WRONG_FIELD_COUNT.value),
        Reason.BAD_ENCODING: has_error(batch, Reason.BAD_ENCODING.value),
        Reason.NO_IMPRESSION: to_mask(pc.equal(ids, "")),
        Reason.NO_USER: to_mask(pc.equal(users, "")),
        Reason.BAD_TIMESTAMP: ~readable,
        Reason.TIMESTAMP_OUT_OF_RANGE: ~in_range(timestamps_s, impressions.timestamp),
        Reason.NO_SHOWN_ITEM: shown.lengths == 0,
        Reason.BAD_LIST: shown.rows_with(~good)
        | history.rows_with(to_mask(pc.equal(history.entries, "")))
        | clicks.rows_with(to_mask(pc.equal(clicks.entries, ""))),
        Reason.CLICK_NOT_SHOWN: clicks.rows_with(~_occurs_in(clicks, shown)),
    }
    reasons = np.select(list(wrong.values()), range(len(wrong)), default=_ACCEPTED)
    origin = [named_column(batch, name) for name in (FILE, LINE)]
    accepted = [ids, users, pa.array(timestamps_s), history.column(history.entries)]
    accepted += [shown.column(items), shown.column(pa.array(clicked)), *origin]
    rejected = [pa.array(_REASONS[reasons], pa.string()), *origin, named_column(batch, RAW)]
    return (
        filter_rows(accepted, reasons == _ACCEPTED, IMPRESSION),
        filter_rows(rejected, reasons != _ACCEPTED, REJECTED),
    )


def _lists(batch: pa.RecordBatch, column: str | None, impressions: ImpressionsConfig) -> _Lists:
    """Return the lists of a column; empty ones without a column."""
    if column is None:
        return _Lists(pa.array([], pa.string()), np.zeros(batch.num_rows, np.int64))
    text, separator = trimmed(batch, column), impressions.separator
    if column in impressions.list_columns:
        rows = [_json_entries(value, separator) for value in text.to_pylist()]
        entries = pa.array([entry for row in rows for entry in row], pa.string())
        return _Lists(pc.utf8_trim_whitespace(entries), np.array([len(row) for row in rows], np.int64))
    split = pc.utf8_split_whitespace(text) if separator.isspace() else pc.split_pattern(text, separator)
    lengths = split.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    is_empty = to_mask(pc.equal(text, ""))
    entries = pc.utf8_trim_whitespace(split.flatten()).filter(pa.array(~np.repeat(is_empty, lengths)))
    return _Lists(entries, np.where(is_empty, 0, lengths))


def _json_entries(text: str, separator: str) -> list[str]:
    """Return the entries of a list, or those of a text with separators, from JSON; "" for an entry without a text."""
    value = orjson.loads(text) if text else ""
    if isinstance(value, list):
        return [str(entry) if isinstance(entry, str | int) and not isinstance(entry, bool) else "" for entry in value]
    whole = str(value).strip()
    return whole.split(None if separator.isspace() else separator) if whole else []


def _read_shown(shown: _Lists, clicks: _Lists, impressions: ImpressionsConfig) -> tuple[pa.Array, Mask, Mask]:
    """Return the id of each shown item, whether it was clicked, and whether its entry is readable."""
    if impressions.clicked_suffix is None:
        return shown.entries, _occurs_in(shown, clicks), to_mask(pc.not_equal(shown.entries, ""))
    is_clicked = pc.ends_with(shown.entries, impressions.clicked_suffix)
    is_marked = pc.or_(is_clicked, pc.ends_with(shown.entries, impressions.not_clicked_suffix))
    clicked, others = (
        _without_end(shown.entries, suffix) for suffix in (impressions.clicked_suffix, impressions.not_clicked_suffix)
    )
    items = pc.utf8_trim_whitespace(pc.if_else(is_clicked, clicked, others))
    return items, to_mask(is_clicked), to_mask(pc.and_(is_marked, pc.not_equal(items, "")))


def _without_end(entries: pa.Array, suffix: str) -> pa.Array:
    return pc.replace_substring_regex(entries, rf"{re.escape(suffix)}\z", "") if suffix else entries


def _occurs_in(lists: _Lists, others: _Lists) -> Mask:
    """Return which entries occur in the other list of the same row."""
    codes = pa.concat_arrays([lists.entries, others.entries]).dictionary_encode().indices.to_numpy()
    limit = len(codes) + 1
    keys, other_keys = (
        each.rows * limit + part
        for each, part in zip((lists, others), np.split(codes, [len(lists.entries)]), strict=True)
    )
    return np.isin(keys, other_keys)

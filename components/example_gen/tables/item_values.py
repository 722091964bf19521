"""Validation of the rows of a table of items, by column: a row is accepted, or rejected with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.values.null_texts import with_nulls
from components.example_gen.values.text_numbers import read_numbers
from components.example_gen.values.times import in_range, read_times
from schemas.config.columns import ItemColumnConfig, split_categories
from schemas.config.tables import ItemsTableConfig, ItemTableConfig, VectorConfig
from schemas.interaction import ERROR, FILE, LINE, RAW, REJECTED
from schemas.items import item_schema
from schemas.rejection import RejectionReason

MAX_TEXT = 100_000  # characters of a title or text; the rest is cut
MAX_NAME = 131_072  # characters of an id or a category: as in a log

_REASONS = np.array([*(reason.value for reason in RejectionReason), None], dtype=object)
_INDICES = {reason: index for index, reason in enumerate(RejectionReason)}
_ACCEPTED = len(RejectionReason)
_PARSED = (RejectionReason.MALFORMED, RejectionReason.WRONG_FIELD_COUNT, RejectionReason.BAD_ENCODING)

Mask = npt.NDArray[np.bool_]


class JudgedItems(NamedTuple):
    """The rows of a batch."""

    items: pa.Table  # accepted rows of `item_schema`
    lines: pa.Array  # of the accepted rows in their file
    rejected: pa.RecordBatch  # of `REJECTED`
    cut: Counter[str]  # texts of accepted rows that were cut, by column


class _Values(NamedTuple):
    """A column and what is wrong with its rows."""

    values: pa.Array
    wrong: dict[RejectionReason, Mask]


def judge_items(batch: pa.RecordBatch, settings: ItemTableConfig) -> JudgedItems:
    """Separate accepted rows of a table of items from rejected ones. Duplicates are judged later.

    White space around a value is removed before anything else. A row is rejected for the first member of
    `RejectionReason` that applies to it.

    Args:
        batch: rows of `raw_schema(needed_columns(settings.items))`.
        settings: the columns of the table, and the texts that mean a missing value.

    Returns:
        Together as many rows as the batch, in its order.
    """
    items, nulls = settings.items, pa.array(["", *settings.null_values], pa.string())
    errors, count = _column(batch, ERROR), batch.num_rows
    ids = _trimmed(batch, items.id)
    texts = {name: _texts(_trimmed(batch, column), nulls) for name, column in _text_columns(items).items()}
    read = [
        _Values(ids, {RejectionReason.MALFORMED: _matches(ids, r"[\r\n]") | (_lengths(ids) > MAX_NAME)}),
        *(_Values(values, {}) for values, _ in texts.values()),
        *(_further(_trimmed(batch, column.column), column, items, nulls) for column in items.columns.values()),
        *([_published(_trimmed(batch, items.published), items, nulls)] if items.published else []),
        *(_vectors(_trimmed(batch, vector.column), vector) for vector in items.vectors.values()),
    ]
    wrong = {reason: np.zeros(count, np.bool_) for reason in RejectionReason}
    for reason in _PARSED:
        wrong[reason] |= _numpy(pc.fill_null(pc.equal(errors, reason.value), False))
    wrong[RejectionReason.NO_ITEM] |= _numpy(pc.is_in(ids, value_set=nulls))
    for each in read:
        for reason, rows in each.wrong.items():
            wrong[reason] |= rows
    indices = np.select(list(wrong.values()), [_INDICES[reason] for reason in wrong], default=_ACCEPTED)
    accepted = pa.array(indices == _ACCEPTED)
    schema = item_schema(items)
    columns = [each.values.filter(accepted).cast(field.type) for each, field in zip(read, schema, strict=True)]
    origin = [_decoded(_column(batch, name)) for name in (FILE, LINE, RAW)]
    rejected = [pa.array(_REASONS[indices], pa.string()), *origin]
    return JudgedItems(
        items=pa.Table.from_arrays(columns, schema=schema),
        lines=origin[1].filter(accepted),
        rejected=pa.RecordBatch.from_arrays([each.filter(pc.invert(accepted)) for each in rejected], schema=REJECTED),
        cut=Counter({name: int(long[indices == _ACCEPTED].sum()) for name, (_, long) in texts.items()}),
    )


def _text_columns(items: ItemsTableConfig) -> dict[str, str]:
    return {"title": items.title, **{name: name for name in items.texts}}


def _texts(text: pa.Array, nulls: pa.Array) -> tuple[pa.Array, Mask]:
    """Return texts of at most `MAX_TEXT` characters, null if missing, and which of them are cut."""
    known = with_nulls(text, pc.is_in(text, value_set=nulls))
    long = _lengths(text) > MAX_TEXT
    return (pc.utf8_slice_codeunits(known, 0, MAX_TEXT) if long.any() else known), long


def _further(text: pa.Array, column: ItemColumnConfig, items: ItemsTableConfig, nulls: pa.Array) -> _Values:
    if column.kind == "category":
        return _categories(text, column.separator, as_json=column.column in items.list_columns, nulls=nulls)
    missing = _numpy(pc.is_in(text, value_set=nulls))
    numbers = np.where(missing, np.nan, read_numbers(text)) + 0.0  # 0 and -0 are one number
    return _Values(pa.array(numbers, mask=missing), {RejectionReason.BAD_NUMBER: ~(missing | np.isfinite(numbers))})


def _categories(text: pa.Array, separator: str | None, *, as_json: bool, nulls: pa.Array) -> _Values:
    """Return the categories of each row; equal texts are parsed once."""
    distinct, missing = text.dictionary_encode(), set(nulls.to_pylist())
    read = [_names(value, separator, as_json=as_json, nulls=missing) for value in distinct.dictionary.to_pylist()]
    bad = np.array([names is None for names in read] or [False])
    names = pa.array([each or [] for each in read], pa.large_list(pa.large_string()))
    return _Values(names.take(distinct.indices), {RejectionReason.MALFORMED: bad[distinct.indices.to_numpy()]})


def _names(text: str, separator: str | None, *, as_json: bool, nulls: set[str]) -> list[str] | None:
    """Return the categories in a text; None if one of them cannot be a line of a vocabulary."""
    value: Any = (orjson.loads(text) if as_json and text else text) or ""
    if isinstance(value, list):
        parts = ["" if each is None else _scalar(each) for each in value]
    else:
        parts = [] if _scalar(value) in nulls else split_categories(_scalar(value), separator)
    names = list(dict.fromkeys(" ".join(part.split()) for part in parts))
    if any("\0" in name or len(name) > MAX_NAME for name in names):
        return None
    return [name for name in names if name not in nulls]


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _published(text: pa.Array, items: ItemsTableConfig, nulls: pa.Array) -> _Values:
    assert items.timestamp
    missing = _numpy(pc.is_in(text, value_set=nulls))
    times, readable = read_times(text, items.timestamp)
    return _Values(
        pa.array(times, mask=missing),
        {
            RejectionReason.BAD_TIMESTAMP: ~(missing | readable),
            RejectionReason.TIMESTAMP_OUT_OF_RANGE: ~(missing | in_range(times, items.timestamp)),
        },
    )


def _vectors(text: pa.Array, vector: VectorConfig) -> _Values:
    read = [_vector(value, vector.length) for value in text.to_pylist()]
    missing = np.array([not value for value in text.to_pylist()], np.bool_)
    good = [values for values in read if values is not None]
    present = np.array([values is not None for values in read], np.bool_)
    offsets = np.concatenate([[0], np.cumsum(np.where(present, vector.length, 0))])
    return _Values(_lists(offsets, present, good), {RejectionReason.BAD_VECTOR: ~(present | missing)})


def _lists(offsets: npt.NDArray[np.int64], present: Mask, vectors: Sequence[npt.NDArray[np.float32]]) -> pa.Array:
    values = np.concatenate(vectors) if vectors else np.zeros(0, np.float32)
    # The offset of a missing list is null.
    known = pa.array(offsets, pa.int64(), mask=np.append(~present, False))
    return pa.LargeListArray.from_arrays(known, pa.array(values, pa.float32()))


def _vector(text: str, length: int) -> npt.NDArray[np.float32] | None:
    """Return the vector in a text; None if there is none of this length with finite values."""
    if not text:
        return None
    try:
        with np.errstate(over="ignore"):
            values = np.array(orjson.loads(text), dtype=np.float32)
    except (TypeError, ValueError, OverflowError):  # a list with texts, or with lists of different lengths
        return None
    return values + np.float32(0) if values.shape == (length,) and np.isfinite(values).all() else None


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _trimmed(batch: pa.RecordBatch, column: str) -> pa.Array:
    """Return the column's text without white space around it; "" for a row that could not be split."""
    return pc.fill_null(pc.utf8_trim_whitespace(_column(batch, column)), "")


def _lengths(text: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(pc.utf8_length(text).to_numpy(), np.int64)


def _matches(text: pa.Array, pattern: str) -> Mask:
    return _numpy(pc.match_substring_regex(text, pattern))


def _numpy(mask: pa.Array) -> Mask:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)

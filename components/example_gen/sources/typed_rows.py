"""Rows of files with types (Parquet, Avro, tf.Example): the text of each value, as docs/data.md describes it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.sources.list_texts import is_list, json_text, json_texts
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.text_rows import TextRows
from components.example_gen.values.null_texts import with_nulls
from schemas.errors import InputError
from schemas.rejection import RejectionReason

UNREADABLE = (RejectionReason.MALFORMED.value, RejectionReason.BAD_ENCODING.value)  # values without a text
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_ESCAPED = re.compile(rb'["\\\x00-\x1f]')  # bytes that JSON writes in another way

Mask = npt.NDArray[np.bool_]


def typed_rows(
    columns: Mapping[str, pa.Array], first_row: int, data: ReadingOptions, name: str, malformed: Mask | None = None
) -> TextRows:
    """Return the rows of a batch as text.

    A row is `bad_encoding` if a value is not UTF-8, and `malformed` if a value has a NUL in it.

    Args:
        columns: the values of the needed columns, at least one.
        first_row: the number of the first row in the file, from 1.
        data: the reading options.
        name: the file, for the message of an error.
        malformed: the rows that are malformed in any case.

    Returns:
        The rows. RAW is a JSON object with the texts.

    Raises:
        InputError: the type of a column has no text.
    """
    texts, shown, undecoded, wrong = [], [], [], [] if malformed is None else [malformed]
    for column, values in columns.items():
        _check_time(values.type, column, data, name)
        if column in data.list_columns:
            text = json_texts(values) if is_list(values.type) else _quoted(text_of(values, None, column, name))
        else:
            text = text_of(values, data.time_unit, column, name)
        bad = _numpy(text.is_null())
        wrong.append(_has_nul(text))
        undecoded.append(bad)
        texts.append(text)
        shown.append(_printable(text, values, bad) if bad.any() else text)
    is_malformed, is_undecoded = np.logical_or.reduce(wrong), np.logical_or.reduce(undecoded)
    count = len(is_malformed)
    errors = pa.nulls(count, pa.string())
    if is_malformed.any() or is_undecoded.any():
        encoding = pc.if_else(pa.array(is_undecoded), RejectionReason.BAD_ENCODING.value, errors)
        errors = pc.if_else(pa.array(is_malformed), RejectionReason.MALFORMED.value, encoding)
        texts = [with_nulls(text, errors.is_valid()) for text in texts]
    lines = pa.array(np.arange(first_row, first_row + count))
    return TextRows(texts, lines, _json_rows(list(columns), shown), errors)


def reread_typed(
    raw: Sequence[bytes], reasons: Sequence[str], path: str, data: ReadingOptions, columns: list[str]
) -> TextRows:
    """Return rejected rows again, from the JSON objects that RAW has.

    Args:
        raw: the objects, which may have further columns.
        reasons: why the rows were rejected. Rows that are `UNREADABLE` remain so: their object is only for people.
        path: not used.
        data: not used.
        columns: names in the objects.

    Returns:
        As many rows; `lines` are their indices.
    """
    del path, data
    rows = [json.loads(content) for content in raw]
    errors = [reason if reason in UNREADABLE else None for reason in reasons]
    shown = [json.dumps({column: row[column] for column in columns}, ensure_ascii=False).encode() for row in rows]
    texts = [[None if error else row[column] for row, error in zip(rows, errors, strict=True)] for column in columns]
    return TextRows(
        [pa.array(text, pa.string()) for text in texts],
        pa.array(range(len(rows)), pa.int64()),
        pa.array(shown, pa.binary()),
        pa.array(errors, pa.string()),
    )


def text_of(values: pa.Array, unit: str | None, column: str, name: str) -> pa.Array:
    """Return the texts of values.

    Args:
        values: an array of any type that has a text; see docs/data.md.
        unit: the unit of `data.timestamp`, for the values that are times.
        column: the column, for the message of an error.
        name: the file, for the message of an error.

    Returns:
        String array. A missing value is "", and bytes that are not UTF-8 are null.

    Raises:
        InputError: values of this type have no text.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return text_of(values.dictionary_decode(), unit, column, name)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_bytes(kind):
        return _decoded(values)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        text = values.cast(pa.string())
    elif pa.types.is_float32(kind) or pa.types.is_float64(kind):
        text = _float_text(values)
    elif pa.types.is_decimal(kind):
        text = pa.array([None if value is None else format(value, "f") for value in values.to_pylist()], pa.string())
    elif pa.types.is_timestamp(kind):
        text = _time_text(values.cast(pa.int64()), PER_SECOND[kind.unit], unit)
    elif pa.types.is_date32(kind):
        days = values.cast(pa.int32()).cast(pa.int64())
        text = _time_text(pc.multiply(days, 86_400), 1, unit)
    elif pa.types.is_date64(kind):
        text = _time_text(values.cast(pa.int64()), 1_000, unit)
    else:
        raise InputError(
            expected=f"a column {column!r} of text, numbers or times in {name}",
            received=f"the type {kind}",
            remedy="name a column of another type, or a field in it, like 'visitor.id'",
        )
    return pc.fill_null(text, "")


def _quoted(text: pa.Array) -> pa.Array:
    """Return texts as JSON; "" and null stay."""
    return pa.array([json_text(value) if value else value for value in text.to_pylist()], pa.string())


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _decoded(values: pa.Array) -> pa.Array:
    content = values.cast(pa.binary()) if not pa.types.is_fixed_size_binary(values.type) else _listed(values)
    content = pc.fill_null(content, b"")
    try:
        return content.cast(pa.string())
    except pa.ArrowInvalid:  # some value is not UTF-8
        return pa.array([_decode(value) for value in content.to_pylist()], pa.string())


def _listed(values: pa.Array) -> pa.Array:
    return pa.array(values.to_pylist(), pa.binary())  # Arrow 10 does not cast bytes of a fixed width


def _decode(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _float_text(values: pa.Array) -> pa.Array:
    """Return the shortest digits that read as the same number, as JSON writes them; null for NaN."""
    present = pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False)
    # As float64, 0.1 in float32 has other digits.
    numbers = present.tolist() if present.dtype == np.float64 else [float(str(number)) for number in present]
    return pa.array([None if math.isnan(number) else repr(number) for number in numbers], pa.string())


def _time_text(values: pa.Array, per_second: int, unit: str | None) -> pa.Array:
    """Return times as numbers in a unit, exactly.

    Args:
        values: int64 array of times since 1970.
        per_second: how many units of `values` a second has.
        unit: the unit of the texts; seconds if it is None or `order`.
    """
    wanted = PER_SECOND.get(unit or "s", 1)
    if wanted >= per_second:
        zeros = "0" * (len(str(wanted // per_second)) - 1)
        text = values.cast(pa.string())
        return pc.if_else(pc.equal(values, 0), text, pc.binary_join_element_wise(text, zeros, ""))
    ratio = per_second // wanted
    missing = values.is_null()
    numbers = pc.fill_null(values, 0).to_numpy()
    magnitude = np.abs(numbers).astype(np.uint64)  # -2**63 stays negative in int64, and becomes 2**63
    whole, fraction = np.divmod(magnitude, np.uint64(ratio))
    text = pa.array(whole).cast(pa.string())
    if fraction.any():
        digits = pc.utf8_slice_codeunits(pa.array(fraction + np.uint64(ratio)).cast(pa.string()), 1, 20)
        text = pc.utf8_rtrim(pc.utf8_rtrim(pc.binary_join_element_wise(text, digits, "."), "0"), ".")
        text = pc.if_else(pa.array(fraction == 0), pa.array(whole).cast(pa.string()), text)
    text = pc.binary_join_element_wise(pc.if_else(pa.array(numbers < 0), "-", ""), text, "")
    return with_nulls(text, missing)


def _check_time(kind: pa.DataType, column: str, data: ReadingOptions, name: str) -> None:
    """Refuse a column of times if the configuration does not read numbers of a unit from it."""
    is_time = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if is_time and column == data.time_column and data.time_unit not in PER_SECOND:
        raise InputError(
            expected=f"times as configured in {data.setting}.timestamp in column {column!r} of {name}",
            received=f"the type {kind}, which is read as a number since 1970",
            remedy=f"set {data.setting}.timestamp.unit: s, and no {data.setting}.timestamp.format",
        )


def _numpy(mask: pa.Array) -> Mask:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _content(text: pa.Array) -> bytes:
    """Return the bytes of the texts, and maybe others before and after."""
    buffer = text.buffers()[2]
    return buffer.to_pybytes() if buffer else b""


def _has_nul(text: pa.Array) -> Mask:
    if b"\0" not in _content(text):
        return np.zeros(len(text), np.bool_)
    return _numpy(pc.fill_null(pc.match_substring(text, "\0"), False))


def _printable(text: pa.Array, values: pa.Array, bad: Mask) -> pa.Array:
    """Return the text, with bytes that are not UTF-8 written like \\xff."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if is_list(values.type):
        return pc.fill_null(text, "")
    content = values.cast(pa.binary()) if not pa.types.is_fixed_size_binary(values.type) else _listed(values)
    shown: list[Any] = text.to_pylist()
    for index in np.flatnonzero(bad).tolist():
        shown[index] = content[index].as_py().decode("utf-8", "backslashreplace")
    return pa.array(shown, pa.string())


def _json_rows(names: list[str], texts: list[pa.Array]) -> pa.Array:
    """Return each row as a JSON object with its texts."""
    parts: list[Any] = []
    for name, text in zip(names, texts, strict=True):
        # A constant between two texts is one part: joining takes its time for each part.
        before = '", ' if parts else "{"
        parts += [f'{before}{json.dumps(name, ensure_ascii=False)}: "', _escaped(text)]
    return pc.binary_join_element_wise(*parts, '"}', "").cast(pa.binary())


def _escaped(text: pa.Array) -> pa.Array:
    if not _ESCAPED.search(_content(text)):
        return text
    return pa.array([json.dumps(each, ensure_ascii=False)[1:-1] for each in text.to_pylist()], pa.string())

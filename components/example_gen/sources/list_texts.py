"""Lists as texts: JSON, which is the same for equal lists of any format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type is that of lists."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def json_text(value: Any) -> str:
    """Return a value as JSON.

    Args:
        value: a list, text, number or boolean, or a NumPy array of numbers. NaN and infinity become null.

    Raises:
        TypeError: a text in it is not Unicode, or it has a value of another type.

    Example:
        >>> json_text(["a", 1, 0.5])
        '["a",1,0.5]'
    """
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def json_texts(lists: pa.Array) -> pa.Array:
    """Return lists as JSON.

    Args:
        lists: an array of lists of texts or numbers.

    Returns:
        String array. A missing list is "", and null is a list with bytes that are not UTF-8 or with values of another
        type.
    """
    return pa.array([_text_or_none(value) for value in _values(lists)], pa.string())


def _values(lists: pa.Array) -> Iterator[Any]:
    """Yield each list; arrays of NumPy for numbers, because Python's numbers take ten times as long."""
    kind = lists.type.value_type
    is_number = pa.types.is_float32(kind) or pa.types.is_float64(kind) or pa.types.is_integer(kind)
    if not is_number or (pa.types.is_fixed_size_list(lists.type) and lists.null_count) or lists.flatten().null_count:
        yield from (_as_py(each) for each in lists)
        return
    numbers = lists.flatten().to_numpy()
    if pa.types.is_fixed_size_list(lists.type):
        yield from numbers.reshape(len(lists), lists.type.list_size)
        return
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    pieces = np.split(numbers, np.cumsum(lengths)[:-1])
    missing = lists.is_null().to_numpy(zero_copy_only=False)
    yield from (None if gone else piece for gone, piece in zip(missing.tolist(), pieces, strict=True))


def _as_py(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return b""  # bytes have no JSON


def _text_or_none(value: Any) -> str | None:
    try:
        return "" if value is None else json_text(value)
    except TypeError:
        return None

"""Serialization of record batches to `tf.train.Example` messages, a whole column at a time.

The format is that of https://protobuf.dev/programming-guides/encoding/. A message is a sequence of fields. A field here
is a tag of one byte, the length of its contents as a varint, and its contents:

    Example {Features features = 1}            0A length Features
    Features {map<string, Feature> = 1}        0A length entry, for each feature
    entry {string key = 1; Feature value = 2}  0A length key 12 length Feature
    Feature {BytesList = 1}                    0A length BytesList
    Feature {FloatList = 2}                    12 length FloatList
    Feature {Int64List = 3}                    1A length Int64List
    BytesList {repeated bytes = 1}             0A length value, for each value
    FloatList {repeated float = 1}             0A length values, with 4 bytes for each value
    Int64List {repeated int64 = 1}             0A length values, with a varint for each value

A FloatList or an Int64List without values has no bytes.

The messages of all rows are represented by parts: arrays with one byte string for each row, which follow each other.
Each level adds a part with a tag and a length in front of the parts of the level below. One copy at the end joins them.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]
Parts = list[pa.LargeBinaryArray]

_TAG_1, _TAG_2, _TAG_3 = b"\x0a", b"\x12", b"\x1a"  # 8 * the field's number + 2, where 2 means that a length follows
_NOTHING = pa.scalar(b"", pa.large_binary())
_TEXT = (pa.binary(), pa.large_binary(), pa.string(), pa.large_string())
_FLOAT = (pa.float32(), pa.float64())


def encode_examples(batch: pa.RecordBatch) -> pa.LargeBinaryArray:
    r"""Serialize each row of a batch as a `tf.train.Example`, with a feature for each column.

    Args:
        batch: list columns without nulls, with unique names. The values are binary, string, int64, float32 or float64.
            A float64 value is rounded to float32.

    Returns:
        The examples [rows]. Features are in the order of their names' bytes, as C++ serializes them deterministically.
        Protobuf 6 for Python has another order where one name starts with another name: the longer name comes first.

    Raises:
        TypeError: a column has another type.

    Example:
        >>> encode_examples(pa.RecordBatch.from_pydict({"id": [["a", "b"]]}))[0].as_py()
        b'\n\x10\n\x0e\n\x02id\x12\x08\n\x06\n\x01a\n\x01b'
    """
    entries: Parts = [pa.repeat(_NOTHING, batch.num_rows)]  # a batch may have no columns
    # The order of names as text is the order of their bytes in UTF-8.
    for name, column in sorted(zip(batch.schema.names, batch.columns, strict=True), key=lambda pair: pair[0]):
        key = name.encode("utf-8")
        key_length = _varints(np.array([len(key)]))[0].as_py()
        entries += _field(_TAG_1, _field(_TAG_1 + key_length + key + _TAG_2, _feature(name, column)))
    return _joined(_field(_TAG_1, entries))


def _feature(name: str, column: pa.Array) -> Parts:
    """Return the `Feature` message of each list of a column."""
    is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    kind = column.type.value_type if is_list else None
    if kind not in (*_TEXT, *_FLOAT, pa.int64()):
        raise TypeError(
            f"expected: lists of binary, string, int64, float32 or float64 values in column {name!r}\n"
            f"received: {column.type}\nremedy:   cast the column"
        )
    offsets = column.offsets.to_numpy().astype(np.int64)
    values = column.values.slice(offsets[0], offsets[-1] - offsets[0])  # only those of a slice
    offsets -= offsets[0]
    if kind in _TEXT:
        fields = _joined(_field(_TAG_1, [values.cast(pa.large_binary())]))
        return _field(_TAG_1, [_grouped(fields, offsets)])
    if kind in _FLOAT:
        floats = values.cast(pa.float32()).to_numpy().astype("<f4", copy=False)
        return _field(_TAG_2, _packed(_byte_strings(offsets * 4, floats)))
    return _field(_TAG_3, _packed(_grouped(_varints(values.to_numpy()), offsets)))


def _packed(contents: pa.LargeBinaryArray) -> Parts:
    """Return the message that holds all values in one field, which is absent where there are none."""
    header, _ = _field(_TAG_1, [contents])
    return [pc.if_else(pa.array(_lengths(contents) > 0), header, _NOTHING), contents]


def _field(prefix: bytes, contents: Parts) -> Parts:
    """Return a field for each row: the prefix, which ends with the tag, the length of the contents, the contents."""
    return [_varints(reduce(np.add, map(_lengths, contents)), prefix), *contents]


def _varints(values: Int64s, prefix: bytes = b"") -> pa.LargeBinaryArray:
    r"""Return the varint of each value: bytes of seven bits, the lowest first. Bit 8 means that another byte follows.

    Args:
        values: integers [n]. A negative integer is written as its two's complement of 64 bits, in ten bytes.
        prefix: the bytes in front of each varint.

    Example:
        >>> _varints(np.array([1, 300]), prefix=b"A").to_pylist()
        [b'A\x01', b'A\xac\x02']
    """
    rest = values.astype(np.uint64)
    width = len(prefix) + max(1, -(-int(rest.max(initial=0)).bit_length() // 7))
    table = np.empty((len(rest), width), np.uint8)  # a row has the bytes of one value, and then unused ones
    table[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    used = np.ones(table.shape, np.bool_)
    sizes = np.full(len(rest), len(prefix) + 1)
    for position in range(len(prefix), width - 1):
        follows = rest > 0x7F
        table[:, position] = rest.astype(np.uint8) | follows.view(np.uint8) << 7
        used[:, position + 1] = follows
        sizes += follows
        rest >>= 7
    table[:, width - 1] = rest  # the longest varints end here; in other rows it is unused
    return _byte_strings(_offsets(sizes), table[used])


def _grouped(strings: pa.LargeBinaryArray, offsets: Int64s) -> pa.LargeBinaryArray:
    """Return the concatenated strings of each list, without a copy: they follow each other in memory.

    Args:
        strings: byte strings [n], of which the first starts at the start of their buffer.
        offsets: the index of each list's first string, then n [lists + 1].
    """
    return _byte_strings(_offsets(_lengths(strings))[offsets], strings.buffers()[2])


def _byte_strings(offsets: Int64s, data: Any) -> pa.LargeBinaryArray:
    """Return the byte strings of which each starts at its offset in the data and ends at the next."""
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _joined(parts: Parts) -> pa.LargeBinaryArray:
    return pc.binary_join_element_wise(*parts, _NOTHING)


def _lengths(strings: pa.LargeBinaryArray) -> Int64s:
    return pc.binary_length(strings).to_numpy()


def _offsets(lengths: Int64s) -> Int64s:
    return np.concatenate([[0], np.cumsum(lengths)])

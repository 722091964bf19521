import struct
from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.examples.example_encoder import encode_examples

# A length of 127 or 16,383 is the largest that takes one or two bytes.
LONG = [b"x" * length for length in (127, 128, 16_383, 16_384)]
# Each further byte of a varint holds seven bits more. A negative integer takes ten bytes.
EDGES = [sign * 2**bits - less for bits in range(0, 63, 7) for sign in (1, -1) for less in (0, 1)]
EDGES += [2**63 - 1, -(2**63)]
TEXTS = st.text(max_size=5) | st.sampled_from([text.decode() for text in LONG])
BYTES = st.binary(max_size=5) | st.sampled_from(LONG)
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(EDGES)
VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): TEXTS,
    pa.large_string(): TEXTS,
    pa.binary(): BYTES,
    pa.large_binary(): BYTES,
    pa.int64(): INTEGERS,
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
}


def oracle(batch: pa.RecordBatch) -> list[bytes]:
    """Return what protocol buffers serialize, a feature at a time in the order of the names' bytes."""
    return [
        example(b"".join(features({name: row[name]}) for name in sorted(row, key=str.encode)))
        for row in (feature_of_each_name(batch, row) for row in range(batch.num_rows))
    ]


def deterministic(batch: pa.RecordBatch) -> list[bytes]:
    """Return what protocol buffers serialize deterministically, a row at a time."""
    return [example(features(feature_of_each_name(batch, row))) for row in range(batch.num_rows)]


def example(serialized_features: bytes) -> bytes:
    """Return the example that has these features: field 1 of a `BytesList` is written as field 1 of an `Example`."""
    return tf.train.BytesList(value=[serialized_features]).SerializeToString()


def features(feature: dict[str, tf.train.Feature]) -> bytes:
    return tf.train.Features(feature=feature).SerializeToString(deterministic=True)


def feature_of_each_name(batch: pa.RecordBatch, row: int) -> dict[str, tf.train.Feature]:
    columns = zip(batch.schema.names, batch.columns, strict=True)
    return {name: feature(column.type.value_type, column[row].as_py()) for name, column in columns}


def feature(kind: pa.DataType, values: list[Any]) -> tf.train.Feature:
    if kind == pa.int64():
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if pa.types.is_floating(kind):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Draw a slice of a batch of up to six rows and five columns."""
    rows = draw(st.integers(0, 6))
    columns = {}
    for name in draw(st.lists(st.text(max_size=4) | st.just("é" * 64), max_size=5, unique=True)):
        kind = draw(st.sampled_from(list(VALUES)))
        list_of = draw(st.sampled_from([pa.list_, pa.large_list]))
        lists = draw(st.lists(st.lists(VALUES[kind], max_size=4), min_size=rows, max_size=rows))
        columns[name] = pa.array(lists, list_of(kind))
    return pa.RecordBatch.from_pydict(columns).slice(draw(st.integers(0, rows)), draw(st.integers(0, rows)))


@given(batch=batches())
def test_encoded_batch_equals_the_serialized_protocol_buffers(batch: pa.RecordBatch) -> None:
    encoded = encode_examples(batch)

    encoded.validate(full=True)
    assert encoded.type == pa.large_binary()
    assert encoded.to_pylist() == oracle(batch)
    # Of two names that start equally, protobuf 6 for Python has the longer one first, and protobuf 3 the shorter one.
    if not any(long.startswith(short) for long, short in permutations(batch.schema.names, 2)):
        assert encoded.to_pylist() == deterministic(batch)


def test_encoded_example_equals_the_bytes_by_hand() -> None:
    batch = pa.RecordBatch.from_pydict({"t": [[300]], "price": [[1.0]], "id": [["a", ""]]})

    # 300 is 2 * 128 + 44. Its varint is 44 with the eighth bit set, 0xAC, and then 2.
    identifier = b"\x0a\x02id\x12\x07\x0a\x05\x0a\x01a\x0a\x00"
    price = b"\x0a\x05price\x12\x08\x12\x06\x0a\x04\x00\x00\x80\x3f"
    time = b"\x0a\x01t\x12\x06\x1a\x04\x0a\x02\xac\x02"
    assert (len(identifier), len(price), len(time)) == (0x0D, 0x11, 0x0B)
    features = b"\x0a\x0d" + identifier + b"\x0a\x11" + price + b"\x0a\x0b" + time
    assert encode_examples(batch).to_pylist() == [b"\x0a" + bytes([6 + 13 + 17 + 11]) + features]


@pytest.mark.parametrize("value", EDGES)
def test_integer_at_the_edge_of_a_varint_length_equals_the_protocol_buffer(value: int) -> None:
    batch = pa.RecordBatch.from_pydict({"n": pa.array([[value], [5, value, 0]], pa.list_(pa.int64()))})

    assert encode_examples(batch).to_pylist() == oracle(batch)


def test_floats_without_a_finite_value_and_negative_zero_keep_their_bits() -> None:
    values = [float("nan"), float("inf"), float("-inf"), -0.0]
    batch = pa.RecordBatch.from_pydict({"x": pa.array([values], pa.list_(pa.float32()))})

    assert encode_examples(batch)[0].as_py().endswith(struct.pack("<4f", *values))


def test_float64_values_are_rounded_to_float32() -> None:
    batch = pa.RecordBatch.from_pydict({"x": pa.array([[0.1, 1e300, 1e-300, 1 + 2**-24]], pa.list_(pa.float64()))})

    assert encode_examples(batch)[0].as_py().endswith(struct.pack("<4f", 0.1, float("inf"), 0.0, 1.0))
    assert encode_examples(batch).to_pylist() == oracle(batch)


@pytest.mark.parametrize("kind", list(VALUES), ids=str)
def test_empty_lists_are_features_without_values(kind: pa.DataType) -> None:
    batch = pa.RecordBatch.from_pydict({"none": pa.array([[], []], pa.list_(kind))})

    assert encode_examples(batch).to_pylist() == oracle(batch)


def test_features_are_in_the_order_of_their_bytes() -> None:
    names = ["", "B", "a", "aa", "b", "z", "é", "\uffff", "\U0001d11e"]  # UTF-16 has the last two in another order
    batch = pa.RecordBatch.from_pydict({name: [[1]] for name in reversed(names)})

    (encoded,) = encode_examples(batch).to_pylist()

    keys = [name.encode() for name in names]
    places = [encoded.index(b"\x0a" + bytes([len(key)]) + key + b"\x12") for key in keys]
    assert places == sorted(places)
    assert [encoded] == oracle(batch)


def test_values_before_and_after_those_of_the_lists_are_left_out() -> None:
    values = pa.array(["zero", "one", "two", "three", "four"]).slice(1)
    column = pa.ListArray.from_arrays(pa.array([1, 2, 3], pa.int32()), values)

    assert encode_examples(pa.RecordBatch.from_arrays([column], ["a"])).to_pylist() == oracle(
        pa.RecordBatch.from_pydict({"a": [["two"], ["three"]]})
    )


@pytest.mark.parametrize("columns", [{}, {"a": pa.array([], pa.list_(pa.string()))}], ids=["no columns", "no rows"])
def test_batch_without_rows_gives_no_examples(columns: dict[str, pa.Array]) -> None:
    assert encode_examples(pa.RecordBatch.from_pydict(columns)).to_pylist() == []


def test_batch_of_many_rows_equals_the_serialized_protocol_buffers() -> None:
    rows = range(3_000)
    batch = pa.RecordBatch.from_pydict(
        {
            "item_ids": [[f"item{row * 7 % 1_000 + index}" for index in range(row % 40)] for row in rows],
            "timestamps_s": [[1_600_000_000 + row * index for index in range(row % 40)] for row in rows],
            "price": pa.array([[row / 8] for row in rows], pa.list_(pa.float32())),
        }
    )

    assert encode_examples(batch.slice(500, 2_000)).to_pylist() == deterministic(batch)[500:2_500]


@pytest.mark.parametrize(
    "column",
    [pa.array([1]), pa.array([[1]], pa.list_(pa.int32())), pa.array([[[1]]])],
    ids=["no list", "int32", "list of lists"],
)
def test_column_of_another_type_is_reported_by_name(column: pa.Array) -> None:
    with pytest.raises(TypeError, match=r"column 'age'\nreceived: (list<item: )?(int|list)"):
        encode_examples(pa.RecordBatch.from_arrays([column], ["age"]))

import datetime
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.sources.typed_rows import PER_SECOND, text_of, typed_rows
from schemas.config.columns import TimestampConfig
from schemas.errors import InputError
from tests.components.logs import data

UTC = datetime.timezone.utc


def text(values: pa.Array, unit: str | None = "s") -> list[str | None]:
    found = text_of(values, unit, "c", "file")
    assert found.type == pa.string()
    return found.to_pylist()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(["a", None, ""]), ["a", "", ""]),
        (pa.array(["é", None], pa.large_string()), ["é", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array(["a", None], pa.large_string()).dictionary_encode(), ["a", ""]),
        (pa.array([b"\xc3\xa9", None, b"\xff"], pa.binary()), ["é", "", None]),
        (pa.array([b"a", b"\xff"], pa.large_binary()), ["a", None]),
        (pa.array([b"ab", None], pa.binary(2)), ["ab", ""]),
        (pa.array([-(2**63), 2**63 - 1, None]), ["-9223372036854775808", "9223372036854775807", ""]),
        (pa.array([0, 2**64 - 1], pa.uint64()), ["0", "18446744073709551615"]),
        (pa.array([7, None], pa.int8()), ["7", ""]),
        (pa.array([7.0, 0.1, -0.0, 1e22, 5e-324, np.nan, None]), ["7.0", "0.1", "-0.0", "1e+22", "5e-324", "", ""]),
        (pa.array([np.inf]), ["inf"]),
        (pa.array([0.1, 16777216.0, 1e8, np.nan, None], pa.float32()), ["0.1", "16777216.0", "100000000.0", "", ""]),
        (pa.array([Decimal("7.00"), Decimal("-0.01"), None]), ["7.00", "-0.01", ""]),
        (pa.array([Decimal("1E+2")], pa.decimal128(38, 0)), ["100"]),
        (pa.array([Decimal("0.0000000001")], pa.decimal256(50, 10)), ["0.0000000001"]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.nulls(2), ["", ""]),
        (pa.array([], pa.string()), []),
        (pa.array([datetime.date(1970, 1, 3), None]), ["172800", ""]),
        (pa.array([86_400_000], pa.date64()), ["86400"]),
        (pa.array([datetime.datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)], pa.timestamp("ns", "UTC")), ["1600000000"]),
        (pa.array([1_600_000_000], pa.int64()).cast(pa.timestamp("s", "Europe/Paris")), ["1600000000"]),
    ],
)
def test_text_of_a_type(values: pa.Array, texts: list[str]) -> None:
    assert text(values) == texts
    if len(values) > 1:
        assert text(values.slice(1)) == texts[1:]


@given(
    values=st.lists(
        st.none() | st.sampled_from([-(2**63), 2**63 - 1]) | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
        max_size=5,
    ),
    stored=st.sampled_from(list(PER_SECOND)),
    wanted=st.sampled_from([*PER_SECOND, "order", None]),
)
def test_time_is_exact_in_every_unit(values: list[int | None], stored: str, wanted: str | None) -> None:
    found = text(pa.array(values, pa.int64()).cast(pa.timestamp(stored)), wanted)

    per_second = PER_SECOND.get(wanted or "s", 1)
    for value, shown in zip(values, found, strict=True):
        assert shown is not None
        if value is None:
            assert shown == ""
        else:
            exact = Fraction(value, PER_SECOND[stored]) * per_second
            assert Fraction(shown) == exact
            assert shown == str(exact) if exact.denominator == 1 else not shown.endswith("0")


@pytest.mark.parametrize(
    "values", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([1], pa.time32("s")), pa.array([1], pa.duration("s"))]
)
def test_type_without_a_text_is_refused(values: pa.Array) -> None:
    with pytest.raises(InputError, match="column 'c' of text, numbers or times in file"):
        text(values)


def test_rows_with_broken_texts_are_rejected() -> None:
    columns = {
        "user": pa.array([b"u", b"caf\xe9", b"a\0", b"\xff\0", None]),
        "item": pa.array(['"i"\n', "i", "i", "\0", "\\"]),
    }

    rows = typed_rows(columns, 5, data(), "file")

    assert rows.errors.to_pylist() == [None, "bad_encoding", "malformed", "malformed", None]
    assert rows.lines.to_pylist() == [5, 6, 7, 8, 9]
    assert [column.to_pylist() for column in rows.columns] == [
        ["u", None, None, None, ""],
        ['"i"\n', None, None, None, "\\"],
    ]
    assert [json.loads(raw) for raw in rows.raw.to_pylist()] == [
        {"user": "u", "item": '"i"\n'},
        {"user": "caf\\xe9", "item": "i"},
        {"user": "a\0", "item": "i"},
        {"user": "\\xff\0", "item": "\0"},
        {"user": "", "item": "\\"},
    ]


@pytest.mark.parametrize("timestamp", [{"unit": "order"}, {"format": "%Y-%m-%d"}, {"format": "iso8601"}])
def test_times_without_a_unit_ask_for_it(timestamp: Any) -> None:
    times = {"time": pa.array([1], pa.timestamp("ms"))}
    settings = data(timestamp=TimestampConfig(**timestamp))

    with pytest.raises(InputError, match=r"set data\.timestamp\.unit: s, and no data.timestamp.format"):
        typed_rows(times, 1, settings, "file")
    assert typed_rows({"other": times["time"]}, 1, settings, "file").columns[0].to_pylist() == ["0.001"]

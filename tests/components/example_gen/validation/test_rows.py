from collections import Counter
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.sources.source import needed_columns
from components.example_gen.validation.rows import validate, validate_in_detail
from schemas.config.columns import TimestampConfig
from schemas.config.filters import FilterConfig
from schemas.config.log import DataConfig
from schemas.interaction import LINE, REJECTED, interaction_schema, raw_schema
from tests.components.example_gen.sources.test_csv_rows import GARBAGE
from tests.components.logs import START_S, csv_batches, data

HEADERLESS: dict[str, Any] = {"column_names": ("user", "item", "time")}


def batch(text: str, settings: DataConfig) -> pa.RecordBatch:
    blocks = [text.encode("utf-8", "surrogateescape")]
    table = pa.Table.from_batches(
        csv_batches(blocks, settings), raw_schema(needed_columns(settings))
    ).unify_dictionaries()
    columns = [pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type) for column in table]
    batch = pa.RecordBatch.from_arrays(columns, schema=table.schema)
    return batch.take(pc.sort_indices(batch.column(batch.schema.get_field_index(LINE))))


def reasons(text: str, settings: DataConfig) -> list[str]:
    return validate(batch(text, settings), settings)[1].column(0).to_pylist()


def times(texts: list[str], timestamp: TimestampConfig) -> list[float | str]:
    """Return the seconds of each accepted time, and the reason of each rejected one."""
    settings = data(timestamp=timestamp, **HEADERLESS)
    accepted, rejected = validate(batch("".join(f"u,i,{text}\n" for text in texts), settings), settings)
    found = {row["line"]: row["timestamp_s"] for row in accepted.to_pylist()}
    found |= {row["line"]: row["reason"] for row in rejected.to_pylist()}
    return [found[line] for line in sorted(found)]


def test_validate_keeps_file_and_line() -> None:
    settings = data()

    accepted, rejected = validate(batch(f"user,item,time\n u1 ,i 1,{START_S}.5\nu2,,1\n", settings), settings)

    assert accepted.schema.equals(interaction_schema([]))
    assert rejected.schema.equals(REJECTED)
    assert accepted.to_pylist() == [
        {"user_id": "u1", "item_id": "i 1", "timestamp_s": START_S + 0.5, "file": "log.csv", "line": 2}
    ]
    assert rejected.to_pylist() == [{"reason": "no_item", "file": "log.csv", "line": 3, "raw": b"u2,,1\n"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('"u","i"x,1', "malformed"),
        ('"u\nu",i,1600000000', "malformed"),  # an id with two lines would be two entries of a vocabulary
        ("u,i", "wrong_field_count"),
        ("\udcff,i", "wrong_field_count"),  # the first reason that applies
        ("\udcff,i,1600000000", "bad_encoding"),
        (",,1", "no_user"),
        (" \t,i,1", "no_user"),
        ("NULL,i,1", "no_user"),
        ("u,NULL ,1", "no_item"),
        ("u,i,soon", "bad_timestamp"),
        ("u,i,", "bad_timestamp"),
        ("u,i,1", "timestamp_out_of_range"),
        ("u,bad,1600000000", "filtered"),
        ("u,bad,1", "timestamp_out_of_range"),
    ],
)
def test_validate_rejects_a_row_for_the_first_reason_that_applies(row: str, reason: str) -> None:
    settings = data(null_values=("NULL",), filters=(FilterConfig(column="item", matches="[^b].*|"),), **HEADERLESS)

    assert reasons(row + "\n", settings) == [reason]


def test_validate_of_rejected_rows_keeps_their_bytes() -> None:
    settings = data(**HEADERLESS)

    _, rejected = validate(batch('caf\udce9,i,1\r\n,i,1\r\n"u\r\n2",i,1\nu,i,soon', settings), settings)

    assert rejected.column(3).to_pylist() == [b"caf\xe9,i,1\r\n", b",i,1\r\n", b'"u\r\n2",i,1\n', b"u,i,soon"]


@pytest.mark.parametrize(
    ("unit", "text", "second"),
    [
        ("s", "881250949", 881250949.0),
        ("s", "881250949.0", 881250949.0),
        ("s", "1.5e9", 1.5e9),
        ("s", "1500000000.25", 1500000000.25),
        ("ms", "1500000000250", 1500000000.25),
        ("us", "1500000000250000", 1500000000.25),
        ("ns", "1500000000250000000", 1500000000.25),
        ("ns", "1500000001000000000", 1500000001.0),
        ("s", "315532800", 315532800.0),
        ("s", "315532799", "timestamp_out_of_range"),
        ("s", "4102444799", 4102444799.0),
        ("s", "4102444800", "timestamp_out_of_range"),
        ("s", "1500000000250", "timestamp_out_of_range"),
        ("s", "1e999", "timestamp_out_of_range"),
        ("s", "-5", "timestamp_out_of_range"),
        ("s", "nan", "bad_timestamp"),
        ("s", "inf", "bad_timestamp"),
        ("s", "1_500_000_000", "bad_timestamp"),
        ("s", "2017-07-14", "bad_timestamp"),
        ("order", "0", 0.0),
        ("order", "7.0", 7.0),
        ("order", "7.5", "bad_timestamp"),
        ("order", "-1", "bad_timestamp"),
        ("order", "1e20", "timestamp_out_of_range"),
    ],
)
def test_validate_reads_times_in_every_unit(unit: str, text: str, second: float | str) -> None:
    assert times([text], TimestampConfig.model_validate({"unit": unit})) == [second]


@pytest.mark.parametrize(
    ("form", "text", "second"),
    [
        ("%Y-%m-%d %H:%M:%S", "2020-09-13 12:26:40", 1.6e9),
        ("%Y-%m-%dT%H:%M:%S.%f", "2020-09-13T12:26:40.250000", 1.6e9 + 0.25),
        ("%Y-%m-%dT%H:%M:%S%z", "2020-09-13T14:26:40+0200", 1.6e9),
        ("%Y-%m-%dT%H:%M:%S%z", "2020-09-13T12:26:40Z", 1.6e9),
        ("%m/%d/%Y %I:%M:%S %p", "9/13/2020 12:26:40 PM", 1.6e9),
        ("iso8601", "2020-09-13T14:26:40.25+02:00", 1.6e9 + 0.25),
        ("iso8601", "  2020-09-13 12:26:40.25 ", 1.6e9 + 0.25),
        ("iso8601", "2020-09-13T23:59:60Z", "bad_timestamp"),
        ("iso8601", "1600000000", "bad_timestamp"),
        ("iso8601", "1970-01-01", "timestamp_out_of_range"),
        ("iso8601", "0001-01-01T00:00:00+23:59", "timestamp_out_of_range"),
        (("%d.%m.%Y", "iso8601"), "2020-09-13T12:26:40", 1.6e9),
        (("%d.%m.%Y", "iso8601"), "13/09/2020", "bad_timestamp"),
        ("%Y-%m-%d", "2020-13-09", "bad_timestamp"),
        ("%Y-%m-%d", "", "bad_timestamp"),
        ("%Y-%m-%d", "1970-01-01", "timestamp_out_of_range"),
    ],
)
def test_validate_reads_times_in_a_format_as_utc(form: str | tuple[str, ...], text: str, second: float | str) -> None:
    assert times([text], TimestampConfig(format=form)) == [second]


@given(st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31)), min_size=1))
def test_validate_of_a_formatted_time_returns_its_seconds(moments: list[datetime]) -> None:
    moments = [moment.replace(microsecond=0, tzinfo=timezone.utc) for moment in moments]
    form = "%Y-%m-%d %H:%M:%S"

    assert times([m.strftime(form) for m in moments], TimestampConfig(format=form)) == [m.timestamp() for m in moments]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"above": 0}, ["5", " 0.5", "1e3"]),
        ({"above": 0.5, "below": 1000}, ["5"]),
        ({"one_of": ["5", "x"]}, ["5", "x"]),
        ({"matches": r"\d"}, ["5", "0"]),
        ({"matches": r".*x"}, ["x"]),
    ],
)
def test_validate_with_a_filter_keeps_matching_rows(rule: dict[str, object], kept: list[str]) -> None:
    values = ["5", "0", " 0.5", "-3", "1e3", "x", ""]
    settings = data(filters=(FilterConfig.model_validate({"column": "amount", **rule}),))
    text = "user,time,item,amount\n" + "".join(f"u,{START_S},{i},{value}\n" for i, value in enumerate(values))

    accepted, rejected = validate(batch(text, settings), settings)

    assert [values[int(item)] for item in accepted.column(1).to_pylist()] == kept
    assert set(rejected.column(0).to_pylist()) == {"filtered"}


@pytest.mark.parametrize("text", [" buy", "buy  ", "\tbuy ", "buy"])
def test_validate_with_matches_ignores_white_space_around_the_value(text: str) -> None:
    settings = data(filters=(FilterConfig(column="event", matches="buy"),))

    accepted, _ = validate(batch(f"user,item,time,event\nu,i,{START_S},{text}\n", settings), settings)

    assert accepted.num_rows == 1


def test_validate_with_two_filters_requires_both() -> None:
    rules = (FilterConfig(column="item", matches="a.*"), FilterConfig(column="item", matches=".*z"))
    settings = data(filters=rules, **HEADERLESS)
    accepted, _ = validate(batch("".join(f"u,{i},{START_S}\n" for i in ("az", "ay", "bz")), settings), settings)

    assert accepted.column(1).to_pylist() == ["az"]


@given(
    text=GARBAGE,
    timestamp=st.sampled_from([TimestampConfig(unit="s"), TimestampConfig(unit="order"), TimestampConfig(format="%Y")]),
)
def test_validate_accepts_or_rejects_every_row(text: str, timestamp: TimestampConfig) -> None:
    settings = data(timestamp=timestamp, filters=(FilterConfig(column="item", matches="a.*"),), **HEADERLESS)
    read = batch(text, settings)

    accepted, rejected = validate(read, settings)

    lines = accepted.column(4).to_pylist() + rejected.column(2).to_pylist()
    assert sorted(lines) == read.column(read.schema.get_field_index("__line__")).to_pylist()


FURTHER: dict[str, Any] = {"event": "event", "value": "stars", "context": {"shop": {"column": "shop"}}}


def test_validate_reads_further_columns_and_marks_missing_values() -> None:
    settings = data(null_values=("", "?"), further=FURTHER)
    rows = [
        f"u,a,{START_S}, buy ,4.5,x",
        f"u,b,{START_S},?,,",
        f"u,c,{START_S},view,many,x",
        f"u,d,{START_S},view,nan,x",
    ]

    accepted, rejected = validate(batch("\n".join(["user,item,time,event,stars,shop", *rows, ""]), settings), settings)

    assert accepted.schema.equals(interaction_schema(settings.features))
    found = [(row["event"], row["value"], row["shop"]) for row in accepted.to_pylist()]
    np.testing.assert_equal(found, [("buy", 4.5, "x"), ("", np.nan, "")])
    assert [(row["reason"], row["line"]) for row in rejected.to_pylist()] == [("bad_number", 4), ("bad_number", 5)]


def test_validate_reads_the_units_of_returns_although_they_are_no_feature() -> None:
    settings = data(cleaning={"returns": {"column": "n"}})

    accepted, rejected = validate(
        batch(f"user,item,time,n\nu,a,{START_S},-2\nu,b,{START_S},\nu,c,{START_S},x\n", settings), settings
    )

    np.testing.assert_equal(accepted.column(5).to_pylist(), [-2.0, np.nan])
    assert rejected.column(0).to_pylist() == ["bad_number"]
    assert settings.features == ()


def test_validate_takes_the_session_for_the_user_of_a_log_without_users() -> None:
    settings = data(further={"user": None, "session": "visit"})

    accepted, rejected = validate(batch(f"visit,item,time\nv1,a,{START_S}\n,a,{START_S}\n", settings), settings)

    assert accepted.column(0).to_pylist() == ["v1"]
    assert accepted.schema.equals(interaction_schema([]))
    assert rejected.column(0).to_pylist() == ["no_session"]


def test_validate_rejects_a_user_without_a_session() -> None:
    settings = data(further={"session": "visit"})
    rows = [f"u,a,{START_S},v1", f"u,a,{START_S},", f",a,{START_S},v1"]

    accepted, rejected = validate(batch("\n".join(["user,item,time,visit", *rows, ""]), settings), settings)

    assert accepted.column(5).to_pylist() == ["v1"]
    assert rejected.column(0).to_pylist() == ["no_session", "no_user"]


def test_validate_of_a_category_with_a_line_break_rejects_it_as_malformed() -> None:
    settings = data(further={"event": "event"})

    assert reasons(f'user,item,time,event\nu,a,{START_S},"buy\nnow"\n', settings) == ["malformed"]


def test_validate_in_detail_counts_the_first_filter_and_the_times_of_rejected_rows() -> None:
    rules = (FilterConfig(column="item", one_of=("a", "b")), FilterConfig(column="price", above=0))
    settings = data(filters=rules)
    rows = [
        f"u,a,{START_S},1",
        f"u,c,{START_S},0",  # passes neither
        f"u,b,{START_S},0",
        f"u,a,{START_S},free",
        ",c,soon,0",  # no user, so it is not counted
        "u,c,soon,0",
        "u,a, soon ,1",
        "u,a,5,1",
    ]

    _, rejected, details = validate_in_detail(batch("\n".join(["user,item,time,price", *rows, ""]), settings), settings)

    assert rejected.column(0).to_pylist().count("filtered") == 3
    assert details.filtered == Counter({"item one of a, b": 1, "price above 0": 2})
    assert details.times == Counter({"soon": 2, "5": 1})

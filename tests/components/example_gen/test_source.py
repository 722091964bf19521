import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.source import (
    MAX_ROW_LINES,
    READ_BYTES,
    CsvSource,
    RawRow,
    column_indices,
    match_files,
    needed_columns,
    open_log,
    read_block,
    read_lines,
    read_record_batches,
    read_rows,
)
from schemas.config.log import FilterConfig
from schemas.errors import InputError
from schemas.interaction import ERROR, FILE, LINE, RAW
from tests.components.logs import data, local_pipeline

PIECES = st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "\0", "a", "b c", "é", "\udcff", "1600000000", " "])
GARBAGE = st.lists(PIECES, max_size=60).map("".join)


def rows(text: str, quote: str | None = '"', width: int | None = None) -> list[RawRow]:
    lines = read_lines([text.encode("utf-8", "surrogateescape")])
    return list(read_rows(lines, ",", quote, width))


def test_lines_do_not_depend_on_how_the_file_is_cut_into_blocks() -> None:
    text = "é,1\r\nü,2\n\nlast".encode()

    whole = list(read_lines([text]))

    assert whole == ["é,1\r\n", "ü,2\n", "\n", "last"]
    assert list(read_lines([text[i : i + 1] for i in range(len(text))])) == whole


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    assert rows("\ufeffuser,item\nu,i\n")[0].fields == ["user", "item"]


def test_a_line_longer_than_a_block_is_one_line() -> None:
    text = b"a" * (2 * READ_BYTES) + b"\nb\n"
    file = io.BytesIO(text)

    lines = list(read_lines(iter(lambda: read_block(file, "log.csv"), b"")))

    assert [len(line) for line in lines] == [2 * READ_BYTES + 1, 2]


def test_rows_know_their_first_line_and_their_exact_text() -> None:
    text = 'user,item\r\nu1,i1\r\n\r\nu2,"two\r\nlines"\r\nu3,i3'

    assert rows(text) == [
        RawRow(1, "user,item", ["user", "item"], None),
        RawRow(2, "u1,i1", ["u1", "i1"], None),
        RawRow(4, 'u2,"two\r\nlines"', ["u2", "two\r\nlines"], None),
        RawRow(6, "u3,i3", ["u3", "i3"], None),
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("u1", "wrong_field_count"),
        ("u1,i1,", "wrong_field_count"),
        ('u1,"i"1', "malformed"),
        ("u1,i\0", "malformed"),
        ("u1,i\r1", "malformed"),
        ("u1,\udcff", "bad_encoding"),
    ],
)
def test_a_row_that_is_none_has_its_reason_and_costs_no_other(line: str, error: str) -> None:
    before, bad, after = rows(f"u0,i0\n{line}\nu2,i2\n")

    assert (bad.fields, bad.error, bad.line) == (None, error, 2)
    assert (before.fields, after.fields) == (["u0", "i0"], ["u2", "i2"])


def test_undecodable_bytes_are_legible_in_the_raw_text() -> None:
    assert rows("u1,caf\udce9\n")[0].raw == r"u1,caf\xe9"


@pytest.mark.parametrize(
    "lines",
    [
        ['u1,"open', "u2,i2", "u3,i3"],  # to the end of the file
        ['u1,"open', "u2,i2", 'u3,"i3"'],  # to the next quote
        ['u1,"open', *["u2,i2"] * MAX_ROW_LINES, 'u3"'],  # to a quote that is too far away
        ['u1,"open', "u2,i2" * 40_000, "u3,i3"],  # past what csv takes for a field
    ],
    ids=["end", "quote", "lines", "characters"],
)
def test_an_open_quote_costs_its_own_line_only(lines: list[str]) -> None:
    found = rows("\n".join([*lines, ""]), width=2)

    assert (found[0].raw, found[0].error) == ('u1,"open', "malformed")
    assert [row.raw for row in found[1:]] == lines[1:]


def test_a_row_over_several_lines_with_too_many_fields_gives_up_its_first_line_only() -> None:
    found = rows('u1,"open\nu2,i2\n",i3\n', width=2)

    assert [(row.line, row.error) for row in found] == [(1, "malformed"), (2, None), (3, "malformed")]


def test_without_quoting_a_quote_is_a_character() -> None:
    assert rows('u1,"i1\nu2,i"2\n', quote=None)[0].fields == ["u1", '"i1']


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@given(table=st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1), line_end=st.sampled_from(["\n", "\r\n"]))
def test_reads_what_a_csv_writer_wrote(table: list[list[str]], line_end: str) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)

    assert [row.fields for row in rows(text.getvalue())] == table


@given(text=GARBAGE, quote=st.sampled_from(['"', None]))
def test_every_line_that_is_not_blank_is_in_exactly_one_row(text: str, quote: str | None) -> None:
    encoded = text.encode("utf-8", "surrogateescape")
    lines = [line.removesuffix("\r") for line in encoded.decode("utf-8", "backslashreplace").split("\n")]
    covered = [False] * len(lines)

    for row in rows(text, quote, width=3):
        span = range(row.line - 1, row.line + row.raw.count("\n"))
        assert row.raw.replace("\r\n", "\n") == "\n".join(lines[i] for i in span)
        assert not any(covered[i] for i in span)
        for i in span:
            covered[i] = True

    assert all(line.strip("\r") == "" for line, seen in zip(lines, covered, strict=True) if not seen)


def test_needs_the_columns_of_the_configuration_and_no_other() -> None:
    filters = (FilterConfig(column="event", matches="buy"), FilterConfig(column="time", above=3))

    assert needed_columns(data(filters=filters)) == ["user", "item", "time", "event"]


def test_keeps_needed_columns_wherever_they_stand() -> None:
    (batch,) = read_record_batches(["time,price,user,item\n", "5,1.5,u,i\n", "6,u\n"], data(), "a.csv")

    assert batch.to_pylist() == [
        {"user": "u", "item": "i", "time": "5", FILE: "a.csv", LINE: 2, RAW: "5,1.5,u,i", ERROR: None},
        {"user": None, "item": None, "time": None, FILE: "a.csv", LINE: 3, RAW: "6,u", ERROR: "wrong_field_count"},
    ]


def test_files_without_a_header_have_their_first_row_on_line_one() -> None:
    (batch,) = read_record_batches(["u,i,5\n"], data(column_names=("user", "item", "time")), "a.csv")

    assert [(row["user"], row["time"], row[LINE]) for row in batch.to_pylist()] == [("u", "5", 1)]


def test_an_empty_file_has_no_rows() -> None:
    assert list(read_record_batches([], data(), "a.csv")) == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["item", "usr", "time"], "did you mean 'usr'"),
        (["user", "item", "time", "item"], "received: 2 among"),
    ],
)
def test_a_column_must_be_there_once(header: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        column_indices(header, ["user", "item", "time"], "a.csv")


def test_reads_plain_and_compressed_files_of_a_glob(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("user,item,time\nu1,i1,1\n")
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(b"time,item,user\n2,i2,u2\n"))
    (tmp_path / "other.txt").write_text("not read")

    with local_pipeline() as pipeline:
        batches = pipeline | CsvSource(data(tmp_path / "*.csv*"))
        origins = batches | beam.FlatMap(lambda batch: [(row["user"], row[FILE]) for row in batch.to_pylist()])
        assert_that(origins, equal_to([("u1", f"{tmp_path}/1.csv"), ("u2", f"{tmp_path}/2.csv.gz")]))


@pytest.mark.parametrize("name", ["log.csv", "*.csv"])
def test_a_log_that_is_not_there_stops_the_pipeline(tmp_path: Path, name: str) -> None:
    with pytest.raises(Exception, match="Empty match for pattern"), local_pipeline() as pipeline:
        _ = pipeline | CsvSource(data(tmp_path / name))


def test_a_glob_names_each_level_of_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log.csv").write_text("")
    assert match_files(f"{tmp_path}/*/*.csv", "data.path") == (f"{tmp_path}/a/log.csv",)
    with pytest.raises(InputError, match=r"write one \* a level"):
        match_files(f"{tmp_path}/**.csv", "data.path")


def test_a_missing_column_stops_the_pipeline_and_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("usr,item,time\nu1,i1,1\n")

    with pytest.raises(InputError, match="did you mean 'usr'"), local_pipeline() as pipeline:
        _ = pipeline | CsvSource(data(tmp_path / "log.csv"))


@pytest.mark.parametrize("damage", [lambda whole: whole[:-20], lambda whole: whole[:40] + b"xxxx" + whole[44:]])
def test_a_damaged_gzip_file_is_not_taken_for_a_whole_one(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(damage(gzip.compress(b"".join(b"user,%d\n" % i for i in range(1000)))))

    with pytest.raises(InputError, match="whole gzip file"), open_log(str(path)) as file:
        list(iter(lambda: read_block(file, str(path)), b""))

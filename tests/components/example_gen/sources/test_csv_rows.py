import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.sources.csv_rows import MAX_ROW_LINES, RawRow, column_indices, read_lines, read_rows
from schemas.errors import InputError

PIECES = st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "\0", "a", "b c", "é", "\udcff", "1600000000", " "])
GARBAGE = st.lists(PIECES, max_size=60).map("".join)


def rows(text: str, quote: str | None = '"', width: int | None = None) -> list[RawRow]:
    lines = read_lines([text.encode("utf-8", "surrogateescape")])
    return list(read_rows(lines, ",", quote, width))


def test_read_lines_of_any_blocks_returns_the_same_lines() -> None:
    text = "é,1\r\nü,2\n\nlast".encode()

    whole = list(read_lines([text]))

    assert whole == ["é,1\r\n", "ü,2\n", "\n", "last"]
    assert list(read_lines([text[i : i + 1] for i in range(len(text))])) == whole


def test_read_lines_removes_a_byte_order_mark() -> None:
    assert rows("\ufeffuser,item\nu,i\n")[0].fields == ["user", "item"]


def test_read_rows_returns_first_lines_and_exact_texts() -> None:
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
def test_read_rows_with_a_bad_row_gives_its_reason_and_keeps_the_others(line: str, error: str) -> None:
    before, bad, after = rows(f"u0,i0\n{line}\nu2,i2\n")

    assert (bad.fields, bad.error, bad.line) == (None, error, 2)
    assert (before.fields, after.fields) == (["u0", "i0"], ["u2", "i2"])


def test_raw_text_shows_undecodable_bytes_as_escapes() -> None:
    assert rows("u1,caf\udce9\n")[0].raw == r"u1,caf\xe9"


@pytest.mark.parametrize(
    "lines",
    [
        ['u1,"open', "u2,i2", "u3,i3"],  # to the end of the file
        ['u1,"open', "u2,i2", 'u3,"i3"'],  # to the next quote
        ['u1,"open', *["u2,i2"] * MAX_ROW_LINES, 'u3"'],  # to a quote that is too far away
        ['u1,"open', "u2,i2" * 40_000, "u3,i3"],  # beyond the longest field that csv accepts
    ],
    ids=["end", "quote", "lines", "characters"],
)
def test_read_rows_with_an_open_quote_loses_its_line_only(lines: list[str]) -> None:
    found = rows("\n".join([*lines, ""]), width=2)

    assert (found[0].raw, found[0].error) == ('u1,"open', "malformed")
    assert [row.raw for row in found[1:]] == lines[1:]


def test_read_rows_with_a_wide_row_over_two_lines_loses_its_first_line_only() -> None:
    found = rows('u1,"open\nu2,i2\n",i3\n', width=2)

    assert [(row.line, row.error) for row in found] == [(1, "malformed"), (2, None), (3, "malformed")]


def test_read_rows_without_quoting_keeps_quotes() -> None:
    assert rows('u1,"i1\nu2,i"2\n', quote=None)[0].fields == ["u1", '"i1']


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@given(table=st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1), line_end=st.sampled_from(["\n", "\r\n"]))
def test_read_rows_returns_what_a_csv_writer_wrote(table: list[list[str]], line_end: str) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)

    assert [row.fields for row in rows(text.getvalue())] == table


@given(text=GARBAGE, quote=st.sampled_from(['"', None]))
def test_read_rows_puts_every_line_into_exactly_one_row(text: str, quote: str | None) -> None:
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


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["item", "usr", "time"], "did you mean 'usr'"),
        (["product", "user", "time"], "remedy:   name columns of the file"),  # no column is close
        (["user", "item", "time", "item"], "received: 2 among"),
    ],
)
def test_column_indices_of_a_missing_or_repeated_column_raises(header: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        column_indices(header, ["user", "item", "time"], "a.csv")

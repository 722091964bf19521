import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.csv_rows import MAX_ROW_LINES, RawRow, column_indices, read_lines, read_rows
from schemas.errors import InputError

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

"""Delimiter, quote and header are guessed by the rows that the reader takes."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest

from components.example_gen.guesses.guess_csv import guess_dialect, has_header
from components.example_gen.sources.csv_rows import read_lines, read_rows
from schemas.errors import InputError

TITLES = ["Heat", '5" nails', "Red, Blue; and | Green", "Mum's the word", "a\tb\x01c", ""]
ROWS = [[f"u{n}", f"i{n % 7}", TITLES[n % len(TITLES)], f"2020-01-0{n % 9 + 1} 10:00:00"] for n in range(60)]


def write(rows: list[list[str]], **dialect: object) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, **dialect).writerows(rows)  # type: ignore[arg-type]
    return file.getvalue().encode()


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x01"])
def test_dialect_that_wrote_the_rows_reads_them(delimiter: str, quote: str, quoting: int) -> None:
    text = write(ROWS, delimiter=delimiter, quotechar=quote, quoting=quoting)
    dialect = guess_dialect(text, "log.csv")
    assert dialect.delimiter == delimiter
    assert [row.fields for row in read_rows(read_lines([text]), dialect.delimiter, dialect.quote)] == ROWS


def test_unquoted_text_with_quotes_in_it_has_no_quote() -> None:
    text = "".join(f'u{n}\ti{n}\t"Weird" Al, {n}\n' for n in range(20)).encode()
    assert guess_dialect(text, "log.tsv")[:3] == ("\t", None, 3)


def test_decimal_commas_and_times_with_blanks_are_no_delimiters() -> None:
    text = "".join(f"u{n};i{n};{n},5;2020-01-01 10:00:00\n" for n in range(20)).encode()
    assert guess_dialect(text, "log.csv")[:3] == (";", '"', 4)


def test_blanks_in_times_do_not_win_by_their_number() -> None:
    text = "".join(f"u{n},i{n},Tue Apr 03 18:00:09 +0000 2012\n" for n in range(20)).encode()
    assert guess_dialect(text, "log.csv")[:3] == (",", '"', 3)


def test_blanks_are_a_delimiter_if_no_other_fits() -> None:
    assert guess_dialect(b"u1 i1 5\nu2 i2 4\n", "log.txt")[:3] == (" ", '"', 3)


def test_dirty_rows_do_not_hide_the_delimiter() -> None:
    rows = [f"u{n},i{n},2020-01-01 10:00:00\n" for n in range(95)] + ["broken\n", "a,b\n", "a,b,c,d\n"]
    assert guess_dialect("".join(rows).encode(), "log.csv")[:4] == (",", '"', 3, 95)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (b"1::1193::5::978300760\n1::661::3::978302109\n", r"sed 's/::/\\t/g'"),
        (b"Report of May\n\n" + b"u1,i1,5\n" * 30, r"tail -n \+2"),
        (
            b"Call me Ishmael. Some years ago, never mind how long.\nHaving little or no money\nin my purse,\n",
            "CSV, JSON",
        ),
        (b"word\n" * 30, "CSV, JSON lines"),
    ],
)
def test_text_without_rows_is_refused_with_a_remedy(text: bytes, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy):
        guess_dialect(text, "log.txt")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([["user", "u1", "u2"], ["time", "1600000000", "1600000001"]], True),
        ([["u0", "u1", "u2"], ["1600000002", "1600000000", "1600000001"]], False),
        ([["u0", "u1", "u2"], ["2020-01-01", "2020-01-02", "2020-01-03"]], False),
        ([["u0", "u1", "u2"], ["day", "2020-01-02", "2020-01-03"]], True),
        ([["0", "u1", "u2"], ["1", "i1", "i2"], ["2", "2020-01-02", "2020-01-03"]], True),
        ([["user"], ["time"]], True),
        ([["7"], ["8"]], False),
    ],
)
def test_header_has_texts_where_the_rows_have_numbers_or_times(columns: list[list[str]], *, expected: bool) -> None:
    assert has_header([pa.array(column) for column in columns]) is expected

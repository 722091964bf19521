"""Guess of a text file's delimiter, quote and header, scored by the rows that the reader of the log takes."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.guesses.guess_times import MIN_FIT, guess_time
from components.example_gen.sources.csv_rows import printable, read_lines, read_rows
from components.example_gen.sources.diagnosis import DELIMITERS
from schemas.errors import InputError
from schemas.rejection import RejectionReason

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_LINES = 1_000  # that candidates are tried on
_MIN_FIT = 0.9  # the fraction of rows that must have the same number of fields
_LONGEST_NAME = 60
_PREAMBLE = 10  # lines that may come before a header, to name them in an error
_CANDIDATES = (*DELIMITERS.replace(" ", ""), "\x01", " ")  # Hive writes \x01; blanks may be part of values


class Dialect(NamedTuple):
    """How a text file separates and quotes fields."""

    delimiter: str
    quote: str | None
    width: int  # fields in a row
    fits: int  # rows with so many fields
    rows: int  # rows that were tried
    others: tuple[str, ...]  # delimiters that fit, too


def guess_dialect(text: bytes, name: str) -> Dialect:
    """Guess the delimiter and the quote of a text.

    Each candidate is tried with the reader of the log. Of the delimiters that give nearly all rows
    the same number of fields, the one with the most fields is taken; a blank only if no other fits.

    Args:
        text: the first lines of the file.
        name: the file, for the message of an error.

    Raises:
        InputError: no delimiter gives rows of equal length.

    Example:
        >>> guess_dialect(b"user;item;price\\nu1;i1;3,5\\nu2;i1;4,5\\n", "log.csv")[:3]
        (';', '"', 3)
    """
    lines = list(itertools.islice(read_lines([text]), _LINES))
    fitting = _fitting(lines)
    if not fitting:
        raise _no_rows_of_fields(lines, name)
    best, *others = fitting
    return best._replace(others=tuple(other.delimiter for other in others))


def has_header(columns: list[pa.Array]) -> bool:
    """Return whether the first row holds names: no number and no time, where the other rows have some.

    Args:
        columns: string arrays, with the first row.
    """
    votes = []
    for column in columns:
        first, rest = column.slice(0, 1), column.slice(1)
        if is_number(rest):
            votes.append(not is_number(first))
        elif guess_time(rest):
            votes.append(not guess_time(first))
    return sum(votes) * 2 > len(votes) if votes else all(map(_begins_with_a_name, columns))


def _begins_with_a_name(column: pa.Array) -> bool:
    """Return whether the first text of a column is short, no number, and no later text."""
    first = column[0].as_py()
    return (
        len(first) <= _LONGEST_NAME and not is_number(column.slice(0, 1)) and first not in column.slice(1).to_pylist()
    )


def is_number(text: pa.Array) -> bool:
    """Return whether nearly all values that are not empty are numbers.

    Args:
        text: string array.
    """
    values = pc.utf8_trim_whitespace(text)
    values = values.filter(pc.not_equal(values, ""))
    return bool(len(values)) and pc.sum(pc.match_substring_regex(values, NUMBER)).as_py() >= MIN_FIT * len(values)


def _fitting(lines: list[str]) -> list[Dialect]:
    """Return the delimiters that give rows of equal length, the most fields first, blanks last."""
    found = [_quoted(lines, delimiter) for delimiter in _CANDIDATES if any(delimiter in line for line in lines)]
    fitting = [each for each in found if each.width > 1 and each.fits >= _MIN_FIT * each.rows]
    return sorted(fitting, key=lambda each: (each.delimiter == " ", -each.width, -each.fits))


def _quoted(lines: list[str], delimiter: str) -> Dialect:
    """Return the quote with which a delimiter fits the most rows."""
    quotes = ("'", '"', None) if _is_wrapped(lines, delimiter, "'") else ('"', None, "'")  # the first of the best
    return max((_try(lines, delimiter, quote) for quote in quotes), key=lambda each: each.fits)


def _try(lines: list[str], delimiter: str, quote: str | None) -> Dialect:
    rows = list(read_rows(lines, delimiter, quote))
    width = next((len(row.fields) for row in rows if row.fields), 0)
    return Dialect(delimiter, quote, width, sum(row.fields is not None for row in rows), len(rows), ())


def _is_wrapped(lines: list[str], delimiter: str, quote: str) -> bool:
    """Return whether most lines have a field that begins and ends with a quote."""
    edge = re.escape(delimiter)
    field = re.compile(rf"(?:^|{edge}){quote}[^{quote}]*{quote}(?:{edge}|\r?\n?$)")
    return sum(field.search(line) is not None for line in lines) * 2 > len(lines)


def _other_text(lines: list[str], name: str) -> InputError | None:
    """Return the error of a text with many lines in another encoding, or with several rows."""
    undecoded = [line for line in lines if any("\udc80" <= character <= "\udcff" for character in line)]
    joined = [line for line in lines if "\r" in line.rstrip("\r\n")]
    for found, expected, received, remedy in (
        (undecoded, "text in UTF-8", "are not UTF-8", RejectionReason.BAD_ENCODING.remedy),
        (joined, "lines of text", "have a carriage return before their end", "convert it: tr '\\r' '\\n'"),
    ):
        if len(found) > (1 - _MIN_FIT) * len(lines):
            shown = printable(found[0].encode("utf-8", "surrogateescape"))[:100]
            return InputError(
                expected=f"{expected} in {name}",
                received=f"{len(found):,} of the first {len(lines):,} lines {received}, like {shown!r}",
                remedy=remedy,
            )
    return None


def _no_rows_of_fields(lines: list[str], name: str) -> InputError:
    if unlike := _other_text(lines, name):
        return unlike
    expected = f"rows of fields in {name}, each with the same number of fields"
    first = f"{lines[0].rstrip()[:100]!r}" if lines else "no line"
    if all("::" in line for line in lines[:_PREAMBLE]):
        return InputError(
            expected=f"fields separated by one character in {name}",
            received=f"lines with the separator '::': {first}",
            remedy=f"replace the separator, like: sed 's/::/\\t/g' {name} > log.tsv",
        )
    for skipped in range(1, min(_PREAMBLE, len(lines) - 1)):
        fitting = _fitting(lines[skipped:])
        if fitting and fitting[0].width > 2:
            return InputError(
                expected=expected,
                received=f"other text in the first {skipped} line{'s' * (skipped > 1)}: {first}",
                remedy=f"remove it, like: tail -n +{skipped + 1} {name} > log.csv",
            )
    return InputError(
        expected=expected,
        received=f"text that no delimiter divides into such rows: {first}",
        remedy="give the file of the log: CSV, JSON lines, Parquet, Avro or TFRecord",
    )

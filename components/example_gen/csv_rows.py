"""Delimited text: bytes to lines, lines to rows, and the columns that a header names."""

from __future__ import annotations

import codecs
import csv
import difflib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.interaction import RejectionReason

MAX_ROW_LINES = 500  # a longer quoted field is a quote that was never closed


class RawRow(NamedTuple):
    """A row of a delimited file, with either its fields or the reason why it has none."""

    line: int  # the first physical line of the row, from 1
    raw: str  # without the line end; a byte that is not UTF-8 is written like \\xff
    fields: list[str] | None  # None where `error` is set
    error: str | None  # a member of `RejectionReason`


def read_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """Yield the physical lines of UTF-8 text.

    Args:
        blocks: the content of a file, cut anywhere.

    Yields:
        Lines with their ends (LF or CRLF), without a byte order mark. Bytes that are not UTF-8
        become lone surrogates.
    """
    parts: list[bytes] = []  # the beginning of a line that ends in a later block
    first = True
    for block in blocks:
        data = block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False
        end = data.rfind(b"\n") + 1
        if end:
            text = b"".join([*parts, data[:end]]).decode("utf-8", "surrogateescape")
            yield from (line + "\n" for line in text[:-1].split("\n"))
            parts = []
        parts.append(data[end:])
    if rest := b"".join(parts).decode("utf-8", "surrogateescape"):
        yield rest


class _LineReader:
    """Lines for the csv reader, which remembers those of the current row and can return them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self.taken: list[str] = []  # by the current row

    def __iter__(self) -> _LineReader:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MAX_ROW_LINES:
            raise StopIteration  # csv is inside quotes then, and reports an error
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def return_all_but_first(self) -> None:
        """Return the lines of the row after its first, so that they are read again."""
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def read_rows(lines: Iterable[str], delimiter: str, quote: str | None, width: int | None = None) -> Iterator[RawRow]:
    """Split lines into rows. Every line that is not blank belongs to exactly one row.

    A quoted field may span lines. Such a row is malformed if its quotes are broken, if it holds a
    NUL, if it has the wrong number of fields, or if a field has more than 131,072 characters (the
    limit of the csv module). Then only its first line is lost, and reading goes on at the next
    line: a stray quote costs one row, not the rest of the file.

    Args:
        lines: the output of `read_lines`.
        delimiter: one character.
        quote: one character, or None for text without quoting.
        width: the number of fields of a row; None for the number of the first row.

    Yields:
        The rows in the order of the file.
    """
    reader = _LineReader(lines)
    parser = (
        csv.reader(reader, delimiter=delimiter, quotechar=quote, strict=True)
        if quote
        else csv.reader(reader, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    )
    line = 1
    while True:
        fields: list[str] | None
        try:
            fields = next(parser)
        except StopIteration:
            return
        except csv.Error:
            fields = None
        text = "".join(reader.taken)
        if fields:
            width = width or len(fields)
            # Python 3.10's csv module refuses NUL, later versions accept it.
            if "\0" in text or (len(reader.taken) > 1 and len(fields) != width):
                fields = None
        if fields is None:
            reader.return_all_but_first()
            text = reader.taken[0]
        if fields != []:
            yield _row(line, text, fields, width)
        line += len(reader.taken)
        reader.taken.clear()


def _row(line: int, text: str, fields: list[str] | None, width: int | None) -> RawRow:
    raw = text.removesuffix("\n").removesuffix("\r")
    printable = raw if raw.isascii() else raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if fields is None:
        return RawRow(line, printable, None, RejectionReason.MALFORMED.value)
    if len(fields) != width:
        return RawRow(line, printable, None, RejectionReason.WRONG_FIELD_COUNT.value)
    if printable != raw:
        return RawRow(line, printable, None, RejectionReason.BAD_ENCODING.value)
    return RawRow(line, raw, fields, None)


def read_header(rows: Iterator[RawRow], data: DataConfig, name: str) -> tuple[str, ...] | None:
    """Return the names of a log file's columns.

    Args:
        rows: the rows of the file; the first one is consumed unless `data.column_names` is set.
        data: the reading options of the log.
        name: the file, for the message of an error.

    Returns:
        The configured names or those of the header line; None for an empty file.

    Raises:
        InputError: the header line cannot be read.
    """
    return read_header_line(rows, name, "data") if data.column_names is None else data.column_names


def read_header_line(rows: Iterator[RawRow], name: str, setting: str) -> tuple[str, ...] | None:
    """Return the fields of a file's first row.

    Args:
        rows: the rows of the file; the first one is consumed.
        name: the file, for the message of an error.
        setting: the section of the configuration with the file's reading options.

    Returns:
        The names of the columns; None for an empty file.

    Raises:
        InputError: the first row cannot be read.
    """
    row = next(rows, None)
    if row is None:
        return None
    if row.fields is None:
        raise InputError(
            expected=f"a header line in {name}, as text in UTF-8",
            received=f"{row.error} in line {row.line}: {row.raw[:80]!r}",
            remedy=f"check {setting}.path, {setting}.delimiter and {setting}.quote"
            + ("; a file without a header needs data.column_names" if setting == "data" else ""),
        )
    return tuple(row.fields)


def column_indices(header: Sequence[str], columns: Sequence[str], name: str) -> list[int]:
    """Return the index of each column in the rows of a file.

    Args:
        header: the names of the file's columns.
        columns: the names to find.
        name: the file, for the message of an error.

    Returns:
        As many indices as `columns`.

    Raises:
        InputError: a column is missing, or appears more than once.
    """
    for column in columns:
        if header.count(column) != 1:
            near = difflib.get_close_matches(column, header, n=1)
            raise InputError(
                expected=f"one column {column!r} in {name}",
                received=f"{header.count(column) or 'none'} among {', '.join(map(repr, header))}"[:500],
                remedy="give each column of the file its own name"
                if header.count(column)
                else f"{f'did you mean {near[0]!r}? ' if near else ''}name columns of the file in the configuration",
            )
    return [header.index(column) for column in columns]

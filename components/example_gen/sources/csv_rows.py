"""Delimited text: bytes to lines, lines to rows, and the columns that a header names."""

from __future__ import annotations

import codecs
import csv
import difflib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from components.example_gen.sources.options import ReadingOptions
from schemas.errors import InputError
from schemas.rejection import RejectionReason

MAX_ROW_LINES = 500  # a longer quoted field is a quote that was never closed


class RawRow(NamedTuple):
    """A row of a delimited file, with either its fields or the reason why it has none."""

    line: int  # the first physical line of the row, from 1
    raw: str  # without the line end; a byte that is not UTF-8 is written like \\xff
    fields: list[str] | None  # None where `error` is set
    error: str | None  # a member of `RejectionReason`


class ParsedRow(NamedTuple):
    """A row and what it took to parse it."""

    lines: int  # how many physical lines belong to the row
    text: str  # these lines, with their ends
    fields: list[str] | None  # None where `error` is set; [] for a blank line
    error: str | None  # a member of `RejectionReason`
    returned: list[str]  # lines that the parser took after those of the row


def whole_lines(blocks: Iterable[bytes], *, at_start: bool = True) -> Iterator[bytes]:
    """Yield the content of a file in pieces that end where a line ends.

    Args:
        blocks: the content of a file, cut anywhere.
        at_start: whether it is the beginning of the file, which may have a byte order mark.

    Yields:
        At least one line each, without a byte order mark. The last line of a file may have no end.
    """
    parts: list[bytes] = []  # the beginning of a line that ends in a later block
    first = at_start
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end:
            text = b"".join([*parts, block[:end]])
            yield text.removeprefix(codecs.BOM_UTF8) if first else text
            first = False
            parts = []
        if end < len(block):
            parts.append(block[end:])
    rest = b"".join(parts)
    if rest := rest.removeprefix(codecs.BOM_UTF8) if first else rest:
        yield rest


def read_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """Return the physical lines of UTF-8 text.

    Args:
        blocks: the content of a file, cut anywhere.

    Returns:
        Lines with their ends (LF or CRLF), without a byte order mark. Bytes that are not UTF-8
        become lone surrogates.
    """
    return decode_lines(whole_lines(blocks))


def decode_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of `read_lines`.

    Args:
        pieces: the output of `whole_lines`.
    """
    for piece in pieces:
        *lines, rest = piece.decode("utf-8", "surrogateescape").split("\n")
        yield from (line + "\n" for line in lines)
        if rest:
            yield rest


class RowParser:
    """Parser of one row at a time.

    A quoted field may span lines. Such a row is malformed if its quotes are broken, if it holds a
    NUL, if it has the wrong number of fields, or if a field has more than 131,072 characters (the
    limit of the csv module). Then only its first line is lost: a stray quote costs one row, not the
    rest of the file.

    Args:
        delimiter: one character.
        quote: one character, or None for text without quoting.
        width: the number of fields of a row; None for the number of the first row.
    """

    def __init__(self, delimiter: str, quote: str | None, width: int | None = None) -> None:
        self._width = width
        self._lines: Iterator[str] = iter(())
        self._taken: list[str] = []  # by the current row
        self._parser = (
            csv.reader(self, delimiter=delimiter, quotechar=quote, strict=True)
            if quote
            else csv.reader(self, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
        )

    def __iter__(self) -> RowParser:
        return self

    def __next__(self) -> str:
        if len(self._taken) == MAX_ROW_LINES:
            raise StopIteration  # csv is inside quotes then, and reports an error
        line = next(self._lines)
        self._taken.append(line)
        return line

    def parse(self, lines: Iterator[str]) -> ParsedRow | None:
        """Parse the row that begins with the next line.

        Args:
            lines: the physical lines with their ends. The parser may take more lines than belong to the row.

        Returns:
            The row; None if there is no line.
        """
        self._lines, self._taken = lines, []
        fields: list[str] | None
        try:
            fields = next(self._parser)
        except StopIteration:
            return None
        except csv.Error:
            fields = None
        count, text, error = len(self._taken), "".join(self._taken), None
        if fields:
            self._width = self._width or len(fields)
            # Python 3.10's csv module refuses NUL, later versions accept it.
            if "\0" in text or (count > 1 and len(fields) != self._width):
                fields = None
        if fields is None:
            count, text, error = 1, self._taken[0], RejectionReason.MALFORMED
        elif fields and len(fields) != self._width:
            error = RejectionReason.WRONG_FIELD_COUNT
        elif fields and not (text.isascii() or _is_utf8(text)):
            error = RejectionReason.BAD_ENCODING
        if error:
            fields = None
        return ParsedRow(count, text, fields, error and error.value, self._taken[count:])


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate stands for a byte that is not UTF-8
        return False
    return True


class _Lines:
    """Lines that can be returned, so that they are read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        return self._returned.popleft() if self._returned else next(self._lines)

    def take_back(self, lines: list[str]) -> None:
        """Put lines before the next one."""
        self._returned.extendleft(reversed(lines))


def read_rows(lines: Iterable[str], delimiter: str, quote: str | None, width: int | None = None) -> Iterator[RawRow]:
    """Split lines into rows. Every line that is not blank belongs to exactly one row.

    Args:
        lines: the output of `read_lines`.
        delimiter: one character.
        quote: one character, or None for text without quoting.
        width: the number of fields of a row; None for the number of the first row.

    Yields:
        The rows in the order of the file; see `RowParser` for rows over several lines.
    """
    source, parser = _Lines(lines), RowParser(delimiter, quote, width)
    line = 1
    while row := parser.parse(source):
        source.take_back(row.returned)
        if row.fields != []:
            yield RawRow(line, printable(row.text.encode("utf-8", "surrogateescape")), row.fields, row.error)
        line += row.lines


def printable(raw: bytes) -> str:
    """Return the text of a row without its line end; a byte that is not UTF-8 is written like \\xff.

    Args:
        raw: the bytes of the row in its file.
    """
    return without_line_end(raw).decode("utf-8", "backslashreplace")


def without_line_end(raw: bytes) -> bytes:
    """Return the bytes of a row without its line end.

    Args:
        raw: the bytes of the row in its file.
    """
    return raw.removesuffix(b"\n").removesuffix(b"\r")


def read_header(rows: Iterator[RawRow], data: ReadingOptions, name: str) -> tuple[str, ...] | None:
    """Return the names of a log file's columns.

    Args:
        rows: the rows of the file; the first one is consumed unless `data.column_names` is set.
        data: the reading options.
        name: the file, for the message of an error.

    Returns:
        The configured names or those of the header line; None for an empty file.

    Raises:
        InputError: the header line cannot be read.
    """
    return read_header_line(rows, name, data.setting) if data.column_names is None else data.column_names


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
                received=f"{header.count(column) or 'none'} among {', '.join(map(repr, header)) or 'no columns'}"[:500],
                remedy="give each column of the file its own name"
                if header.count(column)
                else f"{f'did you mean {near[0]!r}? ' if near else ''}name columns of the file in the configuration",
            )
    return [header.index(column) for column in columns]

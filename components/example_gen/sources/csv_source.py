"""Delimited text files as rows of text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from components.example_gen.sources.csv_batches import BatchReader
from components.example_gen.sources.csv_parts import RowFinder
from components.example_gen.sources.csv_rows import (
    column_indices,
    decode_lines,
    read_header,
    read_lines,
    read_rows,
    whole_lines,
)
from components.example_gen.sources.diagnosis import wrong_delimiter
from components.example_gen.sources.files import read_blocks
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.parts import Part, divide_lines, find_line, part_blocks
from components.example_gen.sources.text_files import first_lines
from components.example_gen.sources.text_rows import TextRows
from schemas.errors import InputError

_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]*)?\s*")


def read_csv(file: BinaryIO, part: Part, data: ReadingOptions, columns: list[str]) -> Iterator[TextRows]:
    """Yield the rows of a part of a delimited file; see `read_csv_blocks`.

    Args:
        file: the open file.
        part: the part, which begins with a row.
        data: the reading options.
        columns: names in the header.
    """
    blocks = part_blocks(file, part)
    if part.start == 0:
        yield from read_csv_blocks(blocks, data, columns, part.path)
        return
    header, _, _ = _read_header(whole_lines(read_blocks(part.path)), data, part.path)
    reader = BatchReader(
        data.delimiter, data.quote, len(header or ()), column_indices(header or (), columns, part.path)
    )
    yield from reader.read(whole_lines(blocks, at_start=False), part.first_line)


def divide_csv(whole: Part, data: ReadingOptions, part_bytes: int) -> list[Part]:
    """Divide a delimited file, at places where a row begins.

    Args:
        whole: the file, which is not compressed.
        data: the reading options.
        part_bytes: about how many bytes a part has.

    Raises:
        InputError: the file or its header cannot be read.
    """
    header, line, _ = _read_header(whole_lines(read_blocks(whole.path)), data, whole.path)
    find = RowFinder(data.delimiter, data.quote, len(header or ())) if data.quote else find_line
    return divide_lines(whole, part_bytes, find, min_line=line)


def read_csv_blocks(blocks: Iterable[bytes], data: ReadingOptions, columns: list[str], name: str) -> Iterator[TextRows]:
    """Yield the rows of delimited text.

    Args:
        blocks: the content of the file, cut anywhere.
        data: the reading options.
        columns: names in the header.
        name: the file, for the message of an error.

    Yields:
        At most two batches for each block. The lines tell the order of the rows, which is not that of the batches.

    Raises:
        InputError: the header cannot be read or lacks a column.
    """
    pieces = whole_lines(blocks)
    header, line, rest = _read_header(pieces, data, name)
    if header is None:
        return
    reader = BatchReader(data.delimiter, data.quote, len(header), column_indices(header, columns, name))
    yield from reader.read(itertools.chain([rest], pieces), line)


def reread_csv(
    raw: Sequence[bytes], reasons: Sequence[str], path: str, data: ReadingOptions, columns: list[str]
) -> TextRows:
    """Return rejected rows again.

    Args:
        raw: the bytes of each row, with a line end.
        reasons: not used, because the bytes tell them.
        path: the file of the rows.
        data: the reading options.
        columns: names in the header.

    Returns:
        As many rows; `lines` are their indices.
    """
    del reasons
    header = data.column_names or csv_columns(path, data) or ()
    reader = BatchReader(data.delimiter, data.quote, len(header), column_indices(header, columns, path))
    return reader.reread(raw)


def csv_columns(path: str, data: ReadingOptions) -> tuple[str, ...] | None:
    """Return the header of a file, from its first lines.

    Args:
        path: the file.
        data: the reading options.

    Returns:
        The configured names or those of the header line; None for an empty file.

    Raises:
        InputError: the file is not text in lines, or its header cannot be read.
    """
    return read_header(read_rows(read_lines([first_lines(path)[0]]), data.delimiter, data.quote), data, path)


def check_header(path: str, data: ReadingOptions, names: list[str]) -> None:
    """Check whether another delimiter splits the header line better, or whether the first line is no header.

    Args:
        path: a file that lacks a column.
        data: the reading options.
        names: the columns that the header must have.

    Raises:
        InputError: so it is; the remedy names the setting.
    """
    if data.column_names is not None:
        return
    text = first_lines(path)[0]
    if text.startswith(b"{"):
        raise InputError(
            expected=f"a header line with {', '.join(map(repr, names))} in {path}",
            received=f"a line that looks like JSON: {next(read_lines([text])).rstrip()[:100]!r}",
            remedy="set data.format: jsonl",
        )
    header = read_header(read_rows(read_lines([text]), data.delimiter, data.quote), data, path) or ()
    better = wrong_delimiter(next(read_lines([text])), len(header), names, data, path)
    if better:
        raise better
    if not set(names) & set(header) and any(map(_NUMBER.fullmatch, header)):
        raise InputError(
            expected=f"a header line with {', '.join(map(repr, names))} in {path}",
            received=f"a first line with a number: {', '.join(map(repr, header))}"[:500],
            remedy="set data.column_names to the names of all columns, if the file has no header line",
        )


def _read_header(pieces: Iterator[bytes], data: ReadingOptions, name: str) -> tuple[tuple[str, ...] | None, int, bytes]:
    """Return the header of a file, the number of the line after it, and the text that was read after it."""
    if data.column_names is not None:
        return data.column_names, 1, b""
    read: list[bytes] = []
    first = next(read_rows(decode_lines(_remember(pieces, read)), data.delimiter, data.quote), None)
    header = read_header(iter([first] if first else []), data, name)
    if first is None:
        return None, 1, b""
    count = first.line + first.raw.count("\n")  # of lines, with the header
    after = b"".join(read).split(b"\n", count)[count:]
    return header, count + 1, b"".join(after)


def _remember(pieces: Iterator[bytes], read: list[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        read.append(piece)
        yield piece

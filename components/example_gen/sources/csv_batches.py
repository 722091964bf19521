"""Rows of delimited text as columns: pyarrow parses the clean lines, and the row parser the others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

from components.example_gen.sources.csv_lines import Lines, Mask, Positions, find_lines
from components.example_gen.sources.csv_rows import MAX_ROW_LINES, ParsedRow, RowParser, decode_lines
from components.example_gen.sources.text_rows import TextRows


class _ExactRow(NamedTuple):
    line: int  # the index of its first line
    raw: bytes
    row: ParsedRow


class BatchReader:
    """Reader of the rows of one file. They are those of `read_rows`, in another order.

    Args:
        delimiter: one character.
        quote: one character, or None for text without quoting.
        width: the number of fields of a row.
        indices: the fields to return, each once.
    """

    def __init__(self, delimiter: str, quote: str | None, width: int, indices: Sequence[int]) -> None:
        self._delimiter = delimiter
        self._quote = quote
        self._width = width
        self._indices = indices
        self._parser = RowParser(delimiter, quote, width)

    def read(self, pieces: Iterable[bytes], first_line: int) -> Iterator[TextRows]:
        """Yield the rows of a file.

        Args:
            pieces: whole lines; the last one may have no end.
            first_line: the number of the first line of `pieces` in the file.

        Yields:
            For each piece its other rows, then its clean rows, each if there are any.
        """
        carried = b""  # lines of a row that ends in a later piece
        for piece in itertools.chain(pieces, [None]):
            text = carried + (piece or b"")
            if not text:
                continue
            lines = find_lines(text, self._delimiter, self._quote, self._width)
            try:
                batches, end = self._read_piece(text, lines, first_line, is_last=piece is None)
            except pa.ArrowInvalid:  # pyarrow sees other rows than `find_lines`, which no known text causes
                lines = lines._replace(clean=np.zeros_like(lines.clean))
                batches, end = self._read_piece(text, lines, first_line, is_last=piece is None)
            yield from batches
            carried = text[lines.offsets[end] :]
            first_line += end

    def reread(self, raw: Sequence[bytes]) -> TextRows:
        """Return rows of the file again.

        Args:
            raw: the bytes of each row, with a line end.

        Returns:
            As many rows; `lines` are their indices.
        """
        rows = [self._parser.parse(decode_lines([content])) for content in raw]
        exact = zip(range(len(raw)), raw, rows, strict=True)
        return self._to_columns([_ExactRow(index, content, row) for index, content, row in exact if row], 0)

    def _read_piece(self, text: bytes, lines: Lines, first_line: int, *, is_last: bool) -> tuple[list[TextRows], int]:
        """Return the rows of a piece, and the index of the first line that belongs to the next piece."""
        exact, clean, end = self._parse_other_lines(text, lines, is_last=is_last)
        batches = []
        if exact:
            batches.append(self._to_columns(exact, first_line))
        if clean.any():
            batches.append(self._parse_clean_lines(text, lines, clean, first_line))
        return batches, end

    def _parse_other_lines(self, text: bytes, lines: Lines, *, is_last: bool) -> tuple[list[_ExactRow], Mask, int]:
        """Parse the lines that are not clean.

        Returns:
            The rows, which of the clean lines are rows of their own, and the index of the first line
            that belongs to the next piece.
        """
        rows: list[_ExactRow] = []
        clean, count = lines.clean.copy(), len(lines.clean)
        end = 0  # of the last row
        for first in np.flatnonzero(~(lines.clean | lines.blank)).tolist():
            if first < end:
                continue
            row_lines = RowLines(text, lines.offsets, first, self._delimiter, self._quote)
            row = self._parser.parse(iter(row_lines))
            if row is None or (row_lines.ended and not is_last):
                clean[first:] = False
                return rows, clean, first
            end = first + row.lines
            clean[first:end] = False  # a quoted field may contain lines that look clean
            if row.fields != []:
                rows.append(_ExactRow(first, text[lines.offsets.item(first) : lines.offsets.item(end)], row))
        return rows, clean, count

    def _parse_clean_lines(self, text: bytes, lines: Lines, clean: Mask, first_line: int) -> TextRows:
        """Parse clean lines.

        Raises:
            pyarrow.ArrowInvalid: pyarrow does not read each line as one row.
        """
        content, offsets = _select(text, lines, clean)
        content += b"" if content.endswith(b"\n") else b"\n"  # open_csv needs it to see one block
        names = [f"f{index}" for index in self._indices]  # pyarrow's names for columns without a header
        # read_csv searches all objects of the process for a reference in Python 3.10, which takes 40 ms with Beam.
        reader = csv.open_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(
                use_threads=False, block_size=len(content) + 1, autogenerate_column_names=True
            ),
            parse_options=csv.ParseOptions(delimiter=self._delimiter, quote_char=self._quote or False),
            convert_options=csv.ConvertOptions(
                check_utf8=False, column_types=dict.fromkeys(names, pa.string()), include_columns=names
            ),
        )
        batch = reader.read_next_batch()
        numbers = np.flatnonzero(clean)
        count = len(numbers)
        if batch.num_rows != count:
            raise pa.ArrowInvalid(f"{batch.num_rows} rows in {count} lines")
        raw = pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(content)])
        return TextRows(batch.columns, pa.array(numbers + first_line), raw, pa.nulls(count, pa.string()))

    def _to_columns(self, rows: list[_ExactRow], first_line: int) -> TextRows:
        unsplit: list[Any] = [None] * self._width
        split = [unsplit if each.row.fields is None else each.row.fields for each in rows]
        return TextRows(
            [pa.array([fields[index] for fields in split], pa.string()) for index in self._indices],
            pa.array([each.line + first_line for each in rows], pa.int64()),
            pa.array([each.raw for each in rows], pa.binary()),
            pa.array([each.row.error for each in rows], pa.string()),
        )


class RowLines:
    """The lines of a text for the row that begins with line `first`."""

    def __init__(self, text: bytes, offsets: Positions, first: int, delimiter: str, quote: str | None) -> None:
        self._text = text
        self._offsets = offsets
        self._first = first
        self._delimiter = delimiter
        self._quote = quote
        self.ended = False  # whether the row may need lines after those of the text

    def __iter__(self) -> Iterator[str]:
        start, offsets = self._offsets.item(self._first), self._offsets
        for line in range(self._first + 1, len(offsets)):
            end = offsets.item(line)
            yield self._text[start:end].decode("utf-8", "surrogateescape")
            if line == self._first + 1 and not self._may_close(end):
                return
            start = end
        self.ended = True

    def _may_close(self, start: int) -> bool:
        """Return whether a quoted field that is open at `start` may end; if not, its row is malformed.

        It saves the parser most of the lines that would be returned.
        """
        if self._quote is None:
            return True
        quote, last = self._quote.encode(), min(self._first + MAX_ROW_LINES, len(self._offsets) - 1)
        position = self._text.find(quote, start, self._offsets.item(last))
        if position < 0:
            self.ended = last < self._first + MAX_ROW_LINES
            return False
        after = position + len(quote)
        return after == len(self._text) or self._text.startswith((quote, self._delimiter.encode(), b"\n", b"\r"), after)


def _select(text: bytes, lines: Lines, clean: Mask) -> tuple[bytes, np.ndarray[Any, np.dtype[np.int32]]]:
    """Return the clean lines of a text one after the other, and their offsets."""
    if clean.all():
        return text, lines.offsets.astype(np.int32)
    padded = np.concatenate([[False], clean, [False]])
    edges = lines.offsets[np.flatnonzero(padded[1:] != padded[:-1])].tolist()  # start and end of each run of lines
    view = memoryview(text)
    content = b"".join([view[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)])
    lengths = np.diff(lines.offsets)[clean]
    return content, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)

"""Places where delimited text may be divided: a row begins there in any case."""

from __future__ import annotations

import codecs
from typing import BinaryIO

import numpy as np

from components.example_gen.sources.csv_batches import RowLines
from components.example_gen.sources.csv_lines import Lines, Positions, find_lines
from components.example_gen.sources.csv_rows import MAX_ROW_LINES, RowParser

WINDOW_BYTES = 1 << 20  # examined before and after a place


class RowFinder:
    """Finder of places where a row begins.

    A row has at most `MAX_ROW_LINES` lines. So a row begins with a line if none of as many lines before it could begin
    a row that contains it. Most lines are clean, which makes them rows of their own; the row parser tries the others.
    It need not be known which of them do begin a row, and which are inside a quoted field.

    Args:
        delimiter: one character.
        quote: one character.
        width: the number of fields of a row.
    """

    def __init__(self, delimiter: str, quote: str, width: int) -> None:
        self._delimiter = delimiter
        self._quote = quote
        self._width = width

    def __call__(self, file: BinaryIO, position: int) -> int | None:
        """Return the place of a row.

        Args:
            file: the file.
            position: a place in it, after its first byte.

        Returns:
            A place from `position` on, or None if none nearby is certain.
        """
        start = max(0, position - WINDOW_BYTES)
        file.seek(start)
        text = file.read(position - start + WINDOW_BYTES)
        is_last = not file.read(1)
        begin = text.find(b"\n") + 1 if start else len(codecs.BOM_UTF8) * text.startswith(codecs.BOM_UTF8)
        end = len(text) if is_last else text.rfind(b"\n") + 1
        if begin >= end:
            return None
        text = text[begin:end]
        lines = find_lines(text, self._delimiter, self._quote, self._width)
        ends = np.maximum.accumulate(self._row_ends(text, lines, is_last=is_last))
        begins_row = ends[:-1] == np.arange(1, len(ends))
        begins_row[: MAX_ROW_LINES - 2 if start else 0] = False  # of the line after each; rows before are not known
        places = lines.offsets[1:-1][begins_row] + start + begin
        places = places[places >= position]
        return places.item(0) if len(places) else None

    def _row_ends(self, text: bytes, lines: Lines, *, is_last: bool) -> Positions:
        """Return for each line the index of the line after the row, if one began with it; at least the next line."""
        ends = np.arange(1, len(lines.clean) + 1)
        parser = RowParser(self._delimiter, self._quote, self._width)
        for first in np.flatnonzero(~(lines.clean | lines.blank)).tolist():
            row_lines = RowLines(text, lines.offsets, first, self._delimiter, self._quote)
            row = parser.parse(iter(row_lines))
            if row is None or (row_lines.ended and not is_last):
                ends[first] = first + MAX_ROW_LINES
            else:
                ends[first] = first + row.lines
        return ends

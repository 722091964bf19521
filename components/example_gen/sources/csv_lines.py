"""Lines of delimited text, checked as arrays: which of them an ordinary parser splits as the row reader does."""

from __future__ import annotations

import codecs
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LONGEST_LINE = 131_072  # bytes; a field with more characters is malformed

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Bytes = npt.NDArray[np.uint8]

_LF, _CR, _TAB = 10, 13, 9


class Lines(NamedTuple):
    """The physical lines of a text."""

    offsets: Positions  # [lines + 1]: line i is `text[offsets[i] : offsets[i + 1]]`, with its end
    clean: Mask  # [lines]: a row of its own, which every parser splits equally
    blank: Mask  # [lines]: no row, unless a quoted field contains it


def find_lines(text: bytes, delimiter: str, quote: str | None, width: int) -> Lines:
    """Find the lines of a text, and those that are clean rows.

    A clean line is valid UTF-8 without NUL and without a byte order mark at its beginning. It has
    `width` fields, and a carriage return only before its end. Each quote in it opens a field,
    closes one, or is one of two in a quoted field. Such a line needs no other line to be read.

    Args:
        text: whole lines; the last line of a file may have no end.
        delimiter: one character.
        quote: one character, or None for text without quoting.
        width: the number of fields of a row.

    Returns:
        The lines. None is clean if the delimiter or the quote is no printable ASCII character.
    """
    content = np.frombuffer(text, np.uint8)
    if not all(_is_ordinary(character) for character in (delimiter, quote or '"')) or delimiter == quote:
        offsets = _offsets(np.flatnonzero(content == _LF), content)
        return Lines(offsets, np.zeros(len(offsets) - 1, np.bool_), _blank(content, offsets))
    separator, mark = ord(delimiter), ord(quote) if quote and quote.encode() in text else None
    found = (content == _LF) | (content == separator)
    if mark is not None:
        found |= content == mark
    positions = np.flatnonzero(found)
    kinds = content[positions]
    if text and not text.endswith(b"\n"):
        positions, kinds = np.append(positions, len(text)), np.append(kinds, np.uint8(_LF))
    ends = np.flatnonzero(kinds == _LF)
    offsets = _offsets(positions[ends], content)
    blank = _blank(content, offsets)
    clean = (np.diff(offsets) <= LONGEST_LINE) & ~blank
    if mark is None:
        clean &= np.diff(ends, prepend=-1) == width
    else:
        clean &= _is_quoted_strictly(content, positions, kinds, ends, offsets, separator, mark, width)
    clean[_lines_of(_bad_bytes(text, content, offsets), offsets)] = False
    return Lines(offsets, clean, blank)


def _is_ordinary(character: str) -> bool:
    return " " <= character <= "~" or character == "\t"


def _offsets(line_ends: Positions, content: _Bytes) -> Positions:
    """Return the beginning of each line and the end of the last one."""
    offsets = np.concatenate([np.zeros(1, np.int64), line_ends + 1])
    if offsets[-1] < len(content):
        return np.append(offsets, len(content))
    offsets[-1] = len(content)  # the last line of a file may have no end
    return offsets


def _blank(content: _Bytes, offsets: Positions) -> Mask:
    """Return which lines have an end only."""
    starts = offsets[:-1]
    first = content[starts]
    blank = first == _LF
    returns = np.flatnonzero((first == _CR) & (np.diff(offsets) == 2))
    blank[returns] = content[starts[returns] + 1] == _LF
    return np.asarray(blank)


def _is_quoted_strictly(
    content: _Bytes,
    positions: Positions,
    kinds: _Bytes,
    ends: Positions,
    offsets: Positions,
    separator: int,
    mark: int,
    width: int,
) -> Mask:
    """Return which lines have balanced quotes in strict form, and `width` fields.

    In strict form, every odd quote of a line follows the line's start, a delimiter or a quote, and
    every even quote is followed by a delimiter, a quote or the line's end. Then the text between an
    odd quote and the next even quote is quoted, and no quote is part of an unquoted field.

    Args:
        content: the text.
        positions: the delimiters, quotes and line ends in it.
        kinds: their bytes.
        ends: the indices of the line ends among them.
        offsets: the lines.
        separator: the delimiter.
        mark: the quote.
        width: the number of fields.
    """
    # The parity of the number of quotes so far, from the start of the text and then of the line.
    is_odd = np.cumsum(kinds == mark, dtype=np.uint8) & 1  # a sum beyond 255 keeps its parity
    at_ends = is_odd[ends]
    if at_ends.any():
        at_starts = np.concatenate([np.zeros(1, np.uint8), at_ends[:-1]])
        is_odd ^= np.repeat(at_starts, np.diff(ends, prepend=-1))
    delimiters = np.cumsum((kinds == separator) & (is_odd == 0), dtype=np.int32)[ends]
    good = (is_odd[ends] == 0) & (np.diff(delimiters, prepend=0) == width - 1)

    indices = np.flatnonzero(kinds == mark)
    marks, opens = positions[indices], is_odd[indices] == 1
    near = content.take(np.where(opens, marks - 1, marks + 1), mode="clip")
    if marks[0] == 0:
        near[0] = _LF  # the text begins and ends like a line
    if marks[-1] == len(content) - 1 and not opens[-1]:
        near[-1] = _LF
    strict = (near == _LF) | (near == separator) | (near == mark) | (~opens & (near == _CR))
    good[_lines_of(marks[~strict], offsets)] = False
    return np.asarray(good)


def _bad_bytes(text: bytes, content: _Bytes, offsets: Positions) -> Positions:
    """Return positions of bytes that no clean line has, at least one in each line that has such bytes."""
    found = []
    if b"\0" in text:
        found.append(np.flatnonzero(content == 0))
    if b"\r" in text:
        returns = np.flatnonzero(content == _CR)
        found.append(returns[content[np.minimum(returns + 1, len(content) - 1)] != _LF])
    if not text.isascii():
        starts = offsets[:-1]
        # pyarrow removes a byte order mark from the first line that it is given.
        marked = starts[content[starts] == codecs.BOM_UTF8[0]].tolist()
        found.append(np.array([start for start in marked if text.startswith(codecs.BOM_UTF8, start)], np.int64))
        if not _is_utf8(text):
            lines = np.unique(_lines_of(np.flatnonzero(content >= 128), offsets))
            spans = zip(offsets[lines].tolist(), offsets[lines + 1].tolist(), strict=True)
            found.append(np.array([start for start, end in spans if not _is_utf8(text[start:end])], np.int64))
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines_of(positions: Positions, offsets: Positions) -> Positions:
    return np.searchsorted(offsets, positions, side="right") - 1

"""Parts of log files, so that several workers read one large file. They depend on the file only, not on the workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from components.example_gen.sources.files import READ_BYTES, blocks_of, file_size, is_compressed, open_file
from schemas.errors import InputError

PART_BYTES = 1 << 26  # Beam's own readers of text use this size, too

FindCut = Callable[[BinaryIO, int], int | None]


class Part(NamedTuple):
    """A part of a file, for one worker."""

    path: str
    start: int  # its first byte
    end: int  # the byte after its last one
    first_line: int  # the number in the file of its first line, or of its first row in a format without lines


def whole_file(path: str) -> Part:
    """Return a file as one part.

    Args:
        path: a file on any file system that Beam knows.

    Raises:
        InputError: there is no such file.
    """
    return Part(path, 0, file_size(path), 1)


def divide_lines(whole: Part, part_bytes: int, find_cut: FindCut, min_line: int = 1) -> list[Part]:
    """Divide a file of lines. The file is read once for this, to count the lines before each part.

    Args:
        whole: the file, which is not compressed.
        part_bytes: about how many bytes a part has.
        find_cut: gets the open file and a place in it. It returns the next place where a part may begin, which is that
            of a line, or None if there is none nearby.
        min_line: the first line that a further part may begin with.

    Returns:
        The parts in their order.

    Raises:
        InputError: the file cannot be read.
    """
    path = whole.path
    with open_file(path) as file:
        found = [find_cut(file, position) for position in range(part_bytes, whole.end, part_bytes)]
        places = [0, *sorted({place for place in found if place is not None and place < whole.end})]
        counts = [_count_lines(file, path, *each) for each in itertools.pairwise(places)]
    starts = [
        (0, 1),
        *(
            (place, 1 + n)
            for place, n in zip(places[1:], itertools.accumulate(counts), strict=True)
            if 1 + n >= min_line
        ),
    ]
    ends = [*(place for place, _ in starts[1:]), whole.end]
    return [Part(path, start, end, line) for (start, line), end in zip(starts, ends, strict=True)]


def _count_lines(file: BinaryIO, path: str, start: int, end: int) -> int:
    return sum(block.count(b"\n") for block in _blocks_between(file, path, start, end))


def find_line(file: BinaryIO, position: int) -> int | None:
    """Return the place of the next line of a file.

    Args:
        file: the file.
        position: a place in it, after its first byte.

    Returns:
        A place from `position` on, or None if no line begins in the next megabyte.
    """
    file.seek(position - 1)
    before = file.read(READ_BYTES).find(b"\n")
    return position + before if before >= 0 else None


def part_blocks(file: BinaryIO, part: Part) -> Iterator[bytes]:
    """Yield the content of a part in blocks, decompressed by the ending of the file's name.

    Args:
        file: the open file.
        part: the part.

    Raises:
        InputError: the file is compressed and damaged, or has become shorter.
    """
    if is_compressed(part.path):
        return blocks_of(file, part.path)
    return _blocks_between(file, part.path, part.start, part.end)


def _blocks_between(file: BinaryIO, path: str, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        block = file.read(min(READ_BYTES, end - start))
        if not block:
            raise InputError(
                expected=f"{end:,} bytes in {path}",
                received=f"{start:,} bytes: the file has become shorter while it was read",
                remedy="start again when nothing writes to the file",
            )
        yield block
        start += len(block)

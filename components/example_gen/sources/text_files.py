"""The beginning of a text file, checked."""

from __future__ import annotations

import codecs
from contextlib import closing

from components.example_gen.sources.csv_rows import read_lines
from components.example_gen.sources.files import DECOMPRESSORS, READ_BYTES, read_blocks
from schemas.errors import InputError

_MAGIC = {"PAR1": "parquet", "Obj\x01": "avro"}  # the first bytes of other formats


def first_lines(name: str) -> tuple[bytes, bool]:
    """Return the whole lines among a file's first `READ_BYTES`, and whether the file ends there.

    Args:
        name: the file.

    Raises:
        InputError: the file cannot be read, or is not text in lines.
    """
    with closing(read_blocks(name)) as blocks:
        block = next(blocks, b"")
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            expected=f"text in UTF-8 in {name}",
            received="text in UTF-16",
            remedy="convert it: iconv -f UTF-16 -t UTF-8",
        )
    to_the_end = len(block) < READ_BYTES
    text = block if to_the_end else block[: block.rfind(b"\n") + 1]  # the next block continues the last line
    line = next(read_lines([text]), None)
    first = block[:80].decode("latin-1") if line is None else line
    if (block and line is None) or "\0" in first or "\r" in first.removesuffix("\n").removesuffix("\r"):
        raise _not_lines(name, first)
    return text, to_the_end


def _not_lines(name: str, first: str) -> InputError:
    carriage = "\r" in first and "\0" not in first and first[:4] not in _MAGIC
    if carriage:
        remedy = "convert it: tr '\\r' '\\n'"
    elif first[:4] in _MAGIC:
        remedy = f"set data.format: {_MAGIC[first[:4]]}"
    else:
        remedy = f"check the path; the name of a compressed file must end in one of {', '.join(DECOMPRESSORS)}"
    return InputError(
        expected=f"lines of text in {name}",
        received="lines that end in a carriage return alone" if carriage else f"binary data: {first[:40]!r}",
        remedy=remedy,
    )

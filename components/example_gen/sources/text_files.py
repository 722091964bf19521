"""The beginning of a text file, checked."""

from __future__ import annotations

import codecs
from contextlib import closing

from components.example_gen.sources.csv_rows import read_lines
from components.example_gen.sources.files import DECOMPRESSORS, READ_BYTES, read_blocks
from schemas.errors import InputError

_WIDE = {  # by the byte order mark; the longer ones come first
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_COMPARED = 20  # bytes
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
    if wide := _wide_encoding(block):
        raise InputError(
            expected=f"text in UTF-8 in {name}",
            received=f"text in {wide}",
            remedy=f"convert it: iconv -f {wide} -t UTF-8",
        )
    to_the_end = len(block) < READ_BYTES
    text = block if to_the_end else block[: block.rfind(b"\n") + 1]  # the next block continues the last line
    line = next(read_lines([text]), None)
    first = block[:80].decode("latin-1") if line is None else line
    too_long = line is None and not to_the_end
    if too_long or "\0" in first or "\r" in first.removesuffix("\n").removesuffix("\r"):
        raise _not_lines(name, first, too_long=too_long)
    return text, to_the_end


def _wide_encoding(block: bytes) -> str | None:
    """Return the encoding of text with two or four bytes for each character, or None."""
    for mark, encoding in _WIDE.items():
        if block.startswith(mark):
            return encoding
    even, odd = block[:_COMPARED:2], block[1:_COMPARED:2]  # of ASCII, one half has the characters
    if len(odd) > 1 and all(even) and not any(odd):
        return "UTF-16LE"
    return "UTF-16BE" if len(odd) > 1 and all(odd) and not any(even) else None


def _not_lines(name: str, first: str, *, too_long: bool) -> InputError:
    received, remedy = (
        f"binary data: {first[:40]!r}",
        f"check the path; the name of a compressed file must end in one of {', '.join(DECOMPRESSORS)}",
    )
    if first[:4] in _MAGIC:
        remedy = f"set data.format: {_MAGIC[first[:4]]}"
    elif "\r" in first and "\0" not in first:
        received, remedy = "lines that end in a carriage return alone", "convert it: tr '\\r' '\\n'"
    elif too_long and first.isprintable():
        received = f"a line of more than {READ_BYTES:,} bytes: {first[:40]!r}"
        remedy = "check the path, and that each row ends with a line feed"
    return InputError(expected=f"lines of text in {name}", received=received, remedy=remedy)

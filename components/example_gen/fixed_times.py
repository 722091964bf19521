"""Times in formats of fixed width, like 2020-09-13 12:26:40, read as arrays."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_LIMITS = {"H": 24, "M": 60, "S": 60}
_YEARS = (1900, 2200)  # microseconds since 1970 are exact in float64


class Layout(NamedTuple):
    """The positions of numbers and other characters in a text of fixed width."""

    width: int  # in bytes
    literals: dict[int, int]  # byte by position
    fields: dict[str, tuple[int, int]]  # start and width, by the letter of the directive


def layouts(directives: str) -> list[Layout]:
    """Return the layouts of the texts that `strptime` reads with a format, each number with all its digits.

    Args:
        directives: a format of `strptime`.

    Returns:
        Layouts with six and three digits for %f. Empty if the format has other directives than
        %Y, %m, %d, %H, %M, %S and %f, or no date.
    """
    parts = re.findall(r"%.|[^%]", directives, re.DOTALL)
    letters = [part[1] for part in parts if len(part) == 2 and part != "%%"]
    usable = {*letters} <= {*_WIDTHS, "f"} and {"Y", "m", "d"} <= {*letters} and len({*letters}) == len(letters)
    # After %f, which reads as many digits as it can, no digit may follow.
    if not usable or not directives.isascii() or re.search(r"%f(%[^%]|[0-9])", directives):
        return []
    return [_layout(parts, digits) for digits in ((6, 3) if "f" in letters else (0,))]


def _layout(parts: list[str], fraction_digits: int) -> Layout:
    position, literals, fields = 0, {}, {}
    for part in parts:
        if len(part) == 2 and part != "%%":
            width = _WIDTHS.get(part[1], fraction_digits)
            fields[part[1]] = (position, width)
            position += width
        else:
            literals[position] = ord(part[0])
            position += 1
    return Layout(position, literals, fields)


def read_fixed_times(text: pa.Array, directives: str) -> npt.NDArray[np.float64]:
    """Return the UTC seconds of the texts that have a layout of the format.

    Args:
        text: string array without null.
        directives: a format of `strptime`.

    Returns:
        What `strptime` gives, NaN for a text without a layout of the format or outside the years 1900 to 2199.
    """
    seconds = np.full(len(text), np.nan)
    widths = pc.binary_length(text).to_numpy(zero_copy_only=False)
    for layout in layouts(directives):
        fits = widths == layout.width
        if fits.any():
            seconds[fits] = _read(_characters(text.filter(pa.array(fits)), layout.width), layout)
    return seconds


def _characters(text: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of texts of one width. [width, texts]."""
    _, offsets, content = text.buffers()
    start = np.frombuffer(offsets, np.int32)[text.offset]
    flat = np.frombuffer(content, np.uint8)[start : start + len(text) * width]
    return np.ascontiguousarray(flat.reshape(len(text), width).T)


def _read(characters: npt.NDArray[np.uint8], layout: Layout) -> npt.NDArray[np.float64]:
    good = np.logical_and.reduce([characters[position] == byte for position, byte in layout.literals.items()] or [True])
    values: dict[str, Any] = {}
    for letter, (start, width) in layout.fields.items():
        digits = characters[start : start + width] - np.uint8(ord("0"))  # other characters become more than 9
        good = good & (digits <= 9).all(axis=0)
        values[letter] = sum(digit * np.int64(10 ** (width - 1 - i)) for i, digit in enumerate(digits.astype(np.int64)))
    for letter in values.keys() & _LIMITS.keys():
        good &= values[letter] < _LIMITS[letter]
    good &= (values["Y"] >= _YEARS[0]) & (values["Y"] < _YEARS[1]) & (values["m"] >= 1) & (values["m"] <= 12)
    months = ((values["Y"] - 1970) * 12 + values["m"] - 1).astype("datetime64[M]")
    first_days, next_months = (each.astype("datetime64[D]").astype(np.int64) for each in (months, months + 1))
    good &= (values["d"] >= 1) & (values["d"] <= next_months - first_days)
    days = first_days + values["d"] - 1
    whole = ((days * 24 + values.get("H", 0)) * 60 + values.get("M", 0)) * 60 + values.get("S", 0)
    fraction_us = values.get("f", 0) * 10 ** (6 - layout.fields.get("f", (0, 6))[1])
    return np.where(good, (whole * 1_000_000 + fraction_us) / 1e6, np.nan)

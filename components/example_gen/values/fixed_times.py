"""Times whose numbers have all their digits, like 2020-09-13 12:26:40, read as arrays."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_LIMITS = {"H": 24, "M": 60, "S": 60, "zone_hours": 24, "zone_minutes": 60}
_YEARS = (1900, 2200)  # microseconds since 1970 are exact in float64

Part = str | tuple[str, int]  # the characters that may be at a position, or the name and the width of a number

OFFSETS: tuple[list[Part], ...] = (
    ["+-", ("zone_hours", 2), ":", ("zone_minutes", 2)],
    ["+-", ("zone_hours", 2), ("zone_minutes", 2)],
)


class Layout(NamedTuple):
    """The positions of numbers and other characters in a text of fixed width."""

    width: int  # in bytes
    literals: dict[int, bytes]  # the bytes that may be at a position
    fields: dict[str, tuple[int, int]]  # start and width, by the letter of the directive


def make_layout(parts: Sequence[Part]) -> Layout:
    """Return the layout of texts.

    Args:
        parts: numbers and characters in their order. The names of numbers are the letters of `strptime`'s
            directives, `zone_hours` and `zone_minutes`. The sign of a zone is before `zone_hours`.
    """
    position = 0
    literals: dict[int, bytes] = {}
    fields: dict[str, tuple[int, int]] = {}
    for part in parts:
        if isinstance(part, str):
            literals[position] = part.encode()
            position += 1
        else:
            name, width = part
            fields[name] = (position, width)
            position += width
    return Layout(position, literals, fields)


def layouts(directives: str) -> list[Layout]:
    """Return the layouts of the texts that `strptime` reads with a format, each number with all its digits.

    Args:
        directives: a format of `strptime`.

    Returns:
        Layouts with six and three digits for %f, and with three kinds of zone for %z. Empty if the format has other
        directives than %Y, %m, %d, %H, %M, %S, %f and %z, or no date.
    """
    parts = re.findall(r"%.|[^%]", directives, re.DOTALL)
    letters = [part[1] for part in parts if len(part) == 2 and part != "%%"]
    usable = {*letters} <= {*_WIDTHS, "f", "z"} and {"Y", "m", "d"} <= {*letters} and len({*letters}) == len(letters)
    # After %f and %z, which read as many digits as they can, no digit may follow.
    if not usable or not directives.isascii() or re.search(r"%f(%[^%z]|[0-9])|%z.", directives, re.DOTALL):
        return []
    choices = itertools.product(*map(_alternatives, parts))
    return [make_layout([part for chosen in choice for part in chosen]) for choice in choices]


def _alternatives(part: str) -> Sequence[list[Part]]:
    """Return what a directive or a character stands for."""
    if part == "%f":
        return [[("f", 6)], [("f", 3)]]
    if part == "%z":
        return [*OFFSETS, ["Z"]]
    return [[(part[1], _WIDTHS[part[1]])]] if len(part) == 2 and part != "%%" else [[part[0]]]


def read_layouts(text: pa.Array, candidates: Sequence[Layout]) -> npt.NDArray[np.float64]:
    """Return the UTC seconds of the texts that have one of the layouts.

    Args:
        text: string array without null.
        candidates: the layouts.

    Returns:
        Seconds since 1970, NaN for a text without a layout, for a date or time that does not exist, and outside the
        years 1900 to 2199. Before 1980, more than 6 digits of a fraction may be rounded twice.
    """
    seconds = np.full(len(text), np.nan)
    lengths = pc.binary_length(text)
    widths = lengths.to_numpy(zero_copy_only=False)
    for width in {layout.width for layout in candidates}.intersection(lengths.unique().to_pylist()):
        of_width = widths == width
        characters = _characters(text.filter(pa.array(of_width)), width)
        found = np.full(characters.shape[1], np.nan)
        for layout in candidates:
            if layout.width == width:
                fits = np.isnan(found) & _has_literals(characters, layout)
                if fits.any():
                    found[fits] = _read(characters if fits.all() else characters[:, fits], layout)
        seconds[of_width] = found
    return seconds


def _characters(text: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of texts of one width. [width, texts]."""
    _, offsets, content = text.buffers()
    start = np.frombuffer(offsets, np.int32)[text.offset]
    flat = np.frombuffer(content, np.uint8)[start : start + len(text) * width]
    return np.ascontiguousarray(flat.reshape(len(text), width).T)


def _has_literals(characters: npt.NDArray[np.uint8], layout: Layout) -> npt.NDArray[np.bool_]:
    fits = np.ones(characters.shape[1], np.bool_)
    for position, allowed in layout.literals.items():
        fits &= np.logical_or.reduce([characters[position] == byte for byte in allowed])
    return fits


def _read(characters: npt.NDArray[np.uint8], layout: Layout) -> npt.NDArray[np.float64]:
    good = np.ones(characters.shape[1], np.bool_)
    values: dict[str, Any] = {}
    for name, (start, width) in layout.fields.items():
        digits = characters[start : start + width] - np.uint8(ord("0"))  # other characters become more than 9
        good &= (digits <= 9).all(axis=0)
        values[name] = sum(digit * np.int64(10 ** (width - 1 - i)) for i, digit in enumerate(digits.astype(np.int64)))
    for name in values.keys() & _LIMITS.keys():
        good &= values[name] < _LIMITS[name]
    good &= (values["Y"] >= _YEARS[0]) & (values["Y"] < _YEARS[1]) & (values["m"] >= 1) & (values["m"] <= 12)
    months = ((values["Y"] - 1970) * 12 + values["m"] - 1).astype("datetime64[M]")
    first_days, next_months = (each.astype("datetime64[D]").astype(np.int64) for each in (months, months + 1))
    good &= (values["d"] >= 1) & (values["d"] <= next_months - first_days)
    days = first_days + values["d"] - 1
    whole = ((days * 24 + values.get("H", 0)) * 60 + values.get("M", 0)) * 60 + values.get("S", 0)
    if "zone_hours" in values:
        is_west = characters[layout.fields["zone_hours"][0] - 1] == ord("-")
        offset_min = values["zone_hours"] * 60 + values.get("zone_minutes", 0)
        whole -= np.where(is_west, -60, 60) * offset_min
    return np.where(good, _with_fraction(whole, values.get("f", 0), layout.fields.get("f", (0, 0))[1]), np.nan)


def _with_fraction(whole: npt.NDArray[np.int64], fraction: Any, digits: int) -> npt.NDArray[np.float64]:
    """Return whole seconds and a fraction with a number of digits as float64, rounded once from 1980 to 2100."""
    if digits <= 6:
        return (whole * 1_000_000 + fraction * 10 ** (6 - digits)) / 1e6
    # The quotient is rounded by less than a fraction of 12 digits can be away from the middle of two float64 here.
    return whole + fraction / 10.0**digits

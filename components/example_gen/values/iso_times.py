"""Times in ISO 8601, like 2020-09-13T12:26:40.25+02:00, as docs/data.md describes them."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

from components.example_gen.values.fixed_times import OFFSETS, Part, make_layout

_LAYOUT_DIGITS = 12  # more digits of a fraction are read by `read_iso_time`
_READ_DIGITS = 30  # more digits cannot change the float64
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?"
)

_DATE: list[Part] = [("Y", 4), "-", ("m", 2), "-", ("d", 2)]
_MINUTES: list[Part] = [*_DATE, "Tt ", ("H", 2), ":", ("M", 2)]
_SECONDS: list[Part] = [*_MINUTES, ":", ("S", 2)]
_CLOCKS: list[list[Part]] = [
    _SECONDS,
    *([*_SECONDS, ".,", ("f", digits)] for digits in range(1, _LAYOUT_DIGITS + 1)),
    _MINUTES,
]
_ZONES: list[list[Part]] = [*OFFSETS, ["+-", ("zone_hours", 2)], ["Zz"], []]

ISO_LAYOUTS = [make_layout([*clock, *zone]) for zone in _ZONES for clock in _CLOCKS] + [make_layout(_DATE)]


def read_iso_time(text: str) -> float:
    """Return a time in ISO 8601 in seconds since 1970, NaN for any other text.

    Args:
        text: a date, or a date and a time with or without seconds, a fraction and a zone. Without a zone it is UTC.

    Example:
        >>> read_iso_time("2020-09-13T14:26:40.25+02:00")
        1600000000.25
    """
    found = _TIME.fullmatch(text)
    if not found:
        return math.nan
    *calendar, fraction, sign, hours, minutes = found.groups()
    offset_h, offset_min = int(hours or 0), int(minutes or 0)
    try:
        year, month, day, hour, minute, second = (int(number or 0) for number in calendar)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return math.nan
    if offset_h > 23 or offset_min > 59:
        return math.nan
    offset_s = (offset_h * 60 + offset_min) * (-60 if sign == "-" else 60)
    whole = int(moment.timestamp()) - offset_s
    digits = (fraction or "0")[:_READ_DIGITS]
    scale: int = 10 ** len(digits)
    return (whole * scale + int(digits)) / scale  # a quotient of integers is rounded once

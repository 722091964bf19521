"""Cron lines with six fields, and time zones."""

from __future__ import annotations

import re
import zoneinfo
from typing import NamedTuple

from schemas.errors import InputError


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


# Kubeflow Pipelines parses a cron line with version 1 of github.com/robfig/cron: seconds come first, Sunday is 0.
_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    _Field("day of the week", 0, 6, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)
_NAMES = ", ".join(field.name for field in _FIELDS)


def check_cron(line: str) -> str:
    """Check a cron line with six fields.

    Args:
        line: second, minute, hour, day of the month, month and day of the week.

    Returns:
        The line, with one space between the fields.

    Raises:
        InputError: the line has another number of fields, or a field has a value outside its range.

    Example:
        >>> check_cron("0 30  3 * * MON-FRI")
        '0 30 3 * * MON-FRI'
    """
    parts = line.split()
    if len(parts) == len(_FIELDS) - 1:
        # Kubeflow takes five fields too, but reads the first one as seconds.
        raise InputError(
            expected=f"six fields in --cron: {_NAMES}",
            received=f"five fields: {line}",
            remedy=f"put the second in front, like --cron '0 {' '.join(parts)}'",
        )
    if len(parts) != len(_FIELDS):
        raise InputError(
            expected=f"six fields in --cron: {_NAMES}",
            received=f"{len(parts)} fields: {line}",
            remedy="write it like --cron '0 0 3 * * *', which is three o'clock every night",
        )
    for part, field in zip(parts, _FIELDS, strict=True):
        for each in part.split(","):
            if not _is_range(each, field):
                raise InputError(
                    expected=f"a {field.name} in --cron: {field.low} to {field.high}"
                    + (f" or {field.names[0]} to {field.names[-1]}" if field.names else "")
                    + ", *, a range like 1-5, a step like */2, or a list of them",
                    received=f"{part!r} in: {line}",
                    remedy=f"correct this field; the order is {_NAMES}",
                )
    return " ".join(parts)


def five_fields(line: str, time_zone: str | None) -> str:
    """Return a cron line as Vertex AI reads it: without seconds, with the time zone in front.

    Args:
        line: a checked line with six fields.
        time_zone: a name of the IANA database; None for UTC.

    Raises:
        InputError: the second is another than 0.

    Example:
        >>> five_fields("0 0 3 ? * MON", "Europe/Berlin")
        'CRON_TZ=Europe/Berlin 0 3 * * MON'
    """
    second, *rest = line.split()
    if second != "0":
        raise InputError(
            expected="0 as the second in --cron, because Vertex AI starts runs at whole minutes",
            received=f"{second!r} in: {line}",
            remedy=f"write --cron '0 {' '.join(rest)}'",
        )
    zone = [f"CRON_TZ={time_zone}"] if time_zone else []
    return " ".join([*zone, *("*" if part == "?" else part for part in rest)])


def check_time_zone(name: str) -> str:
    """Check the name of a time zone.

    Args:
        name: a name of the IANA database, like Europe/Berlin.

    Returns:
        The name.

    Raises:
        InputError: there is no such time zone.
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            expected="a time zone of the IANA database in --time-zone",
            received=name,
            remedy="write it like Europe/Berlin or UTC",
        ) from None
    return name


def _is_range(text: str, field: _Field) -> bool:
    """Return whether a text is `*`, `?`, a value or a range of a field, with or without a step."""
    found = re.fullmatch(r"(?:[*?]|(\w+)(?:-(\w+))?)(?:/(\d+))?", text)
    if not found or found[3] == "0":
        return False
    bounds = [_value(each, field) for each in found.groups()[:2] if each is not None]
    values = [bound for bound in bounds if bound is not None]
    return values == sorted(values) and len(values) == len(bounds)


def _value(text: str, field: _Field) -> int | None:
    """Return a value of a field as a number; None if it is none."""
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.low
    number = int(text) if text.isdecimal() else -1
    return number if field.low <= number <= field.high else None

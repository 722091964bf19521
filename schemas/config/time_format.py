"""Checks of a `strptime` format before any row is read."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timezone
from typing import Any

# %Z is missing: strptime accepts only the zone names of the machine, and ignores what they mean.
_DIRECTIVES = "aAbBcdfGHIjmMpSuUVwWxXyYz"
_COMBINED = {"c": "abdHMSY", "x": "mdy", "X": "HMS"}  # directives that stand for several others
_MEANT_INSTEAD = {"m": "minutes are %M", "M": "months are %m"}
ISO8601 = "iso8601"  # in the place of a format
_EXAMPLE = datetime(2001, 2, 3, 4, 5, 6, 789, tzinfo=timezone.utc)


def check_time_format(text: str) -> str:
    """Return a format unchanged if it can read a time.

    Args:
        text: `iso8601`, or a format of `strptime` like `%Y-%m-%d %H:%M:%S`.

    Raises:
        ValueError: there is no directive, or one is unknown, depends on the machine's time zone
            or appears twice, or `strptime` cannot read what the format writes.
    """
    if text == ISO8601:
        return text
    directives = re.findall(r"%(.?)", text, re.DOTALL)
    if not directives:
        raise ValueError("has no directive of strptime, like %Y-%m-%d; for times in ISO 8601 write iso8601")
    for each in directives:
        if each == "Z":
            raise ValueError(
                "names %Z, a zone name, which strptime does not convert to an offset: convert the times to UTC, or"
                " write offsets (like +0200) and read them with %z"
            )
        if each not in [*_DIRECTIVES, "%"]:
            raise ValueError(
                f"names %{each}, which is not a directive of strptime; the directives are"
                f" {' '.join(f'%{known}' for known in _DIRECTIVES)}, and %% for a percent sign"
            )
    counts = Counter(part for each in directives for part in _COMBINED.get(each, each) if each != "%")
    for each, count in counts.items():
        if count > 1:
            raise ValueError(
                f"names %{each} {'twice' if count == 2 else f'{count} times'}:"
                f" {_MEANT_INSTEAD.get(each, 'each directive may appear once')}"
            )
    try:
        datetime.strptime(_EXAMPLE.strftime(text), text)
    except ValueError as error:
        raise ValueError(f"cannot be read by strptime: {error}") from None
    return text


def check_time_formats(formats: Any) -> Any:
    """Return a format or several formats unchanged if each of them can read a time.

    Args:
        formats: a text or a list of texts; see `check_time_format`.

    Raises:
        ValueError: the value is of another kind, the list is empty, or `check_time_format` refuses a format.
    """
    texts = [formats] if isinstance(formats, str) else formats
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError("is neither a format nor a list of formats")
    if not texts:
        raise ValueError("lists no format")
    for text in texts:
        check_time_format(text)
    return formats

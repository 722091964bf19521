"""The spans in the path of a log, as TFX writes them: `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}`."""

from __future__ import annotations

import re

DATE_PARTS = ("{YYYY}", "{MM}", "{DD}")
NUMBER = re.compile(r"\{SPAN(?::(?P<width>[^}]*))?\}")
_VERSION = re.compile(r"\{VERSION(?::[^}]*)?\}")


def has_dates(path: str) -> bool:
    """Return whether the spans of a path are dates.

    Args:
        path: the path of a log.
    """
    return any(part in path for part in DATE_PARTS)


def has_spans(path: str) -> bool:
    """Return whether a path has spans.

    Args:
        path: the path of a log.

    Example:
        >>> has_spans("log/{YYYY}-{MM}-{DD}/*.csv"), has_spans("log/*.csv")
        (True, False)
    """
    return has_dates(path) or NUMBER.search(path) is not None


def check_span_pattern(path: str) -> str:
    """Return a path unchanged if it has no spans, or one number or date for them.

    Args:
        path: the path of a log.

    Raises:
        ValueError: the path has a number and a date, one of them twice, a part of a date, a width that is not a
            positive number, or a version.
    """
    numbers, dates = list(NUMBER.finditer(path)), [path.count(part) for part in DATE_PARTS]
    if _VERSION.search(path):
        raise ValueError("has {VERSION}, and a span has no versions here: write the version's own name")
    if numbers and any(dates):
        raise ValueError("has {SPAN} and a date: give the span either as a number or as a date")
    if len(numbers) > 1:
        raise ValueError("has {SPAN} more than once")
    if any(dates) and dates != [1, 1, 1]:
        raise ValueError("needs each of {YYYY}, {MM} and {DD} once for the date of a span")
    if numbers and not re.fullmatch("[1-9][0-9]*", numbers[0]["width"] or "1"):
        raise ValueError("has a width that is not a positive number: write {SPAN}, or {SPAN:4} for four digits")
    return path

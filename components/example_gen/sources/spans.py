"""Spans: the parts of a log that a number or a date in the paths of its files names, as TFX means them."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import NamedTuple

from schemas.config.span_pattern import DATE_PARTS, NUMBER, has_dates
from schemas.errors import InputError

_DAY_S = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_TOKEN = re.compile(rf"{NUMBER.pattern}|\{{(?P<date>YYYY|MM|DD)\}}|\[!?\]?[^\]]*\]|.", re.DOTALL)
_WILDCARD = re.compile(r"[*?\[]")


class LogSpan(NamedTuple):
    """A span of a log."""

    number: int  # of TFX: the number in the path, or the days from 1970 to the date
    name: str  # the number or the date as text, like 12 or 2026-11-01
    start_s: float | None  # the beginning of its day in UTC; None for a number


def span_glob(pattern: str) -> str:
    """Return the glob of the files of all spans.

    Args:
        pattern: a path with spans.

    Example:
        >>> span_glob("log/{YYYY}{MM}{DD}/part-*.csv")
        'log/*/part-*.csv'
    """
    path = _normal(pattern)
    for part in DATE_PARTS:
        path = path.replace(part, "*")
    return path if "**" in pattern else re.sub(r"\*+", "*", NUMBER.sub("*", path))


def names_folders(pattern: str) -> bool:
    """Return whether a folder that the path of a log in spans names stands for its files, as without spans.

    Args:
        pattern: a path with spans.

    Example:
        >>> names_folders("log/{SPAN}"), names_folders("log/{SPAN}/*")
        (True, False)
    """
    name = NUMBER.sub("", _normal(pattern).rsplit("/", 1)[-1])
    return not _WILDCARD.search(name)


def select_spans(files: Iterable[str], pattern: str, count: int, until: int | None = None) -> dict[LogSpan, list[str]]:
    """Return the newest spans with their files.

    Args:
        files: the files of all spans.
        pattern: the path with spans that the files match.
        count: the maximum number of spans.
        until: the number of the newest span to return; None for the newest of all.

    Returns:
        The spans, oldest first, each with its files in the order of their names.

    Raises:
        InputError: a file has no number or date in the place of the span.

    Example:
        >>> found = select_spans(["log-9.csv", "log-10.csv", "log-11.csv"], "log-{SPAN}.csv", count=2)
        >>> [(span.name, files) for span, files in found.items()]
        [('10', ['log-10.csv']), ('11', ['log-11.csv'])]
    """
    by_span: dict[LogSpan, list[str]] = defaultdict(list)
    for file in sorted(files):
        by_span[find_span(file, pattern)].append(file)
    spans = sorted(span for span in by_span if until is None or span.number <= until)
    return {span: by_span[span] for span in spans[-count:]}


def find_span(file: str, pattern: str) -> LogSpan:
    """Return the span of a file.

    Args:
        file: a file that matches `span_glob(pattern)`, or that is below such a folder.
        pattern: the path with spans.

    Raises:
        InputError: the file has no number or date in the place of the span.

    Example:
        >>> find_span("log/2026-11-01/a.csv", "log/{YYYY}-{MM}-{DD}/*.csv").name
        '2026-11-01'
    """
    parts, values = file.split("/"), dict[str, str]()
    for index, expression in _expressions(pattern):
        found = expression.fullmatch(parts[index])
        if not found:
            raise _wrong_name(file, pattern)
        values |= found.groupdict()
    if "span" in values:
        return LogSpan(int(values["span"]), str(int(values["span"])), None)
    try:
        day = date(int(values["YYYY"]), int(values["MM"]), int(values["DD"]))
    except ValueError:
        raise _wrong_name(file, pattern) from None
    number = day.toordinal() - _EPOCH
    return LogSpan(number, day.isoformat(), float(number * _DAY_S))


@cache
def _expressions(pattern: str) -> tuple[tuple[int, re.Pattern[str]], ...]:
    """Return the index and the regular expression of each part of the path that has a part of the span."""
    return tuple(
        (index, re.compile("".join(map(_expression, _TOKEN.finditer(part))), re.DOTALL))
        for index, part in enumerate(_normal(pattern).split("/"))
        if NUMBER.search(part) or has_dates(part)
    )


def _expression(token: re.Match[str]) -> str:
    if token["date"]:
        return f"(?P<{token['date']}>[0-9]{{{len(token['date'])}}})"
    if not NUMBER.fullmatch(token[0]):
        return fnmatch.translate(token[0])[len("(?s:") : -len(r")\Z")]
    if token["width"]:
        return f"(?P<span>[0-9]{{{token['width']}}})"
    return "(?P<span>(?<![0-9])[0-9]+(?![0-9]))"  # all digits of the number, also next to a wildcard


def _normal(pattern: str) -> str:
    """Return the path as the paths of its files begin."""
    return (pattern if "://" in pattern else re.sub("/+", "/", pattern)).rstrip("/")


def _wrong_name(file: str, pattern: str) -> InputError:
    placeholders = "a date that exists in place of {YYYY}, {MM} and {DD}"
    if not has_dates(pattern):
        found = NUMBER.search(pattern)
        assert found
        width = found["width"]
        placeholders = f"{f'a number of {width} digits' if width else 'a number'} in place of {found[0]}"
    return InputError(
        expected=f"{placeholders} in each file at {pattern} (data.path)",
        received=file,
        remedy="move the file to another folder, or write more of the names in data.path",
    )

"""Guess of how a column writes time: the unit of its numbers, or the format of its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.sources.typed_rows import PER_SECOND
from components.example_gen.values.times import plausible
from schemas.config.columns import TimestampConfig
from schemas.config.time_format import ISO8601

NULL_WORDS = ("null", "NULL", "None", "none", "nan", "NaN", "NA", "N/A", "n/a", "\\N", "(null)", "undefined")
MIN_FIT = 0.95  # the fraction of values that a guess must fit
_SAMPLED = 1_000  # distinct values
_LIKE = 5  # values whose shape suggests formats

# The dates that are known, by their pattern. A day and a month may change places.
DATES = {
    r"\d{4}-\d{1,2}-\d{1,2}": ("%Y-%m-%d",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{4}\.\d{1,2}\.\d{1,2}": ("%Y.%m.%d",),
    r"\d{8}(?!\d)": ("%Y%m%d",),
    r"\d{12}(?!\d)": ("%Y%m%d%H%M",),
    r"\d{14}(?!\d)": ("%Y%m%d%H%M%S",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%m/%d/%Y", "%d/%m/%Y"),
    r"\d{1,2}/\d{1,2}/\d{2}(?!\d)": ("%m/%d/%y", "%d/%m/%y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y", "%m.%d.%Y"),
    r"\d{1,2}\.\d{1,2}\.\d{2}(?!\d)": ("%d.%m.%y", "%m.%d.%y"),
    r"\d{1,2} \d{1,2}, \d{4}": ("%m %d, %Y", "%d %m, %Y"),
    r"\d{1,2} [A-Za-z]{3} \d{4}": ("%d %b %Y",),
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": ("%d-%b-%Y",),
    r"\d{1,2}/[A-Za-z]{3}/\d{4}": ("%d/%b/%Y",),
    r"\d{1,2} [A-Za-z]{3,9} \d{4}": ("%d %B %Y",),
    r"[A-Za-z]{3} \d{1,2}, \d{4}": ("%b %d, %Y",),
    r"[A-Za-z]{3,9} \d{1,2}, \d{4}": ("%B %d, %Y",),
}
_TIME_OF_DAY = re.compile(
    r"(?P<before>T|,? |:)(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2}(?P<fraction>\.\d{1,6})?)?"
    r"(?P<half>(?P<blank> ?)[AaPp][Mm])?(?P<zone> ?(?:Z|[+-]\d{2}:?\d{2})| UTC| GMT)?"
)
_WHOLE = {r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} [+-]\d{4} \d{4}": "%a %b %d %H:%M:%S %z %Y"}


class TimeGuess(NamedTuple):
    """A unit or a format that fits the values of a column."""

    timestamp: TimestampConfig
    fits: float  # the fraction of the values
    reason: str
    others: tuple[str, ...]  # formats that fit equally well


def guess_time(text: pa.Array) -> TimeGuess | None:
    """Guess the unit or the format of a column's times.

    Args:
        text: string array; values that mean "missing" do not count.

    Returns:
        The guess; None if no unit and no format fits nearly all values.

    Example:
        >>> guess_time(pa.array(["1600000000", "1600086400"])).timestamp.unit
        's'
    """
    values = _sample(text)
    if not len(values):
        return None
    for timestamp in map(_in_unit, PER_SECOND):
        fits = float(plausible(values, timestamp).mean())
        if fits >= MIN_FIT:
            return TimeGuess(
                timestamp, fits, f"In {timestamp.unit} since 1970, the times are {_span(values, timestamp)}", ()
            )
    return _guess_format(values)


def _in_unit(unit: str) -> TimestampConfig:
    return TimestampConfig.model_validate({"unit": unit})


def is_order(text: pa.Array) -> bool:
    """Return whether nearly all values are whole numbers that can rank interactions.

    Args:
        text: string array.
    """
    values = _sample(text)
    return bool(len(values)) and float(plausible(values, TimestampConfig(unit="order")).mean()) >= MIN_FIT


def formats_like(value: str) -> Iterator[str]:
    """Yield the formats of `strptime` that a text has the shape of.

    Args:
        value: a text.

    Example:
        >>> list(formats_like("11/12/2019 2:14:46 PM"))
        ['%m/%d/%Y %I:%M:%S %p', '%d/%m/%Y %I:%M:%S %p']
    """
    yield from (directives for pattern, directives in _WHOLE.items() if re.fullmatch(pattern, value))
    weekday = re.match(r"[A-Z][a-z]{2}, ", value)
    value = value[weekday.end() :] if weekday else value
    for pattern, dates in DATES.items():
        if date := re.match(pattern, value):
            rest = _time_of_day(value[date.end() :])
            yield from ("%a, " * bool(weekday) + each + rest for each in dates if rest is not None)


def _time_of_day(text: str) -> str | None:
    """Return the directives of what follows a date; None if it is no time of day."""
    if not text:
        return ""
    found = _TIME_OF_DAY.fullmatch(text)
    if not found:
        return None
    directives = found["before"] + ("%I" if found["half"] else "%H") + ":%M"
    directives += ":%S" * bool(found["second"]) + ".%f" * bool(found["fraction"])
    directives += f"{found['blank']}%p" if found["half"] else ""
    zone = found["zone"] or ""
    return directives + (zone if zone in ("", " UTC", " GMT") else " " * zone.startswith(" ") + "%z")


def _guess_format(values: pa.Array) -> TimeGuess | None:
    """Return the format that fits; of two, the one whose times are closer to each other."""
    like = values.slice(0, _LIKE).to_pylist()
    found: dict[str, float] = {}
    for directives in dict.fromkeys([ISO8601, *(each for value in like for each in formats_like(value))]):
        fits = float(plausible(values, TimestampConfig(format=directives)).mean())
        if fits >= MIN_FIT:
            found[directives] = fits
    if not found:
        return None
    formats = [ISO8601] if ISO8601 in found else sorted(found, key=lambda each: _range_s(values, each))
    best, *others = formats
    reason = f"Fits {found[best]:.1%} of the values, like {like[0]!r}"
    if others:
        reason += "; with another order of day and month, the times are further from each other"
    return TimeGuess(TimestampConfig(format=best), found[best], reason, tuple(others))


def _sample(text: pa.Array) -> pa.Array:
    """Return distinct values that are not missing, from the whole column."""
    values = pc.unique(pc.utf8_trim_whitespace(pc.drop_null(text)))
    values = values.filter(pc.invert(pc.is_in(values, value_set=pa.array(["", *NULL_WORDS]))))
    return (
        values.take(pa.array(np.unique(np.linspace(0, len(values) - 1, _SAMPLED).astype(np.int64))))
        if len(values)
        else values
    )


def _range_s(values: pa.Array, directives: str) -> float:
    times = [time for value in values.to_pylist() if (time := _parse(value, directives)) is not None]
    return max(times) - min(times)


def _parse(value: str, directives: str) -> float | None:
    try:
        return datetime.strptime(value, directives).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def _span(values: pa.Array, timestamp: TimestampConfig) -> str:
    """Return the first and the last day of numbers that are plausible in a unit."""
    numbers = [float(value) for value in values.filter(pa.array(plausible(values, timestamp))).to_pylist()]
    days = [_day(number / PER_SECOND[str(timestamp.unit)]) for number in (min(numbers), max(numbers))]
    return f"between {days[0]} and {days[1]}"


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, timezone.utc).date().isoformat()

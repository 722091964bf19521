"""Times that are written as text, read by column: numbers of a unit, or one of several formats."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.values.fixed_times import layouts, read_layouts
from components.example_gen.values.iso_times import ISO_LAYOUTS, read_iso_time
from components.example_gen.values.text_numbers import read_numbers
from schemas.config.columns import TimestampConfig
from schemas.config.time_format import ISO8601

UNITS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "order": 1}
EARLIEST_S = 315_532_800.0  # 1980-01-01: an unset clock writes 1970
LATEST_S = 4_102_444_800.0  # 2100-01-01: times in a wrong unit are far beyond
LARGEST_ORDER = 2.0**53  # whole numbers are exact in float64 up to here

Mask = npt.NDArray[np.bool_]
Seconds = npt.NDArray[np.float64]


def read_times(text: pa.Array, timestamp: TimestampConfig) -> tuple[Seconds, Mask]:
    """Return times in seconds, and which of the texts are times.

    Args:
        text: string array without null, without white space around the texts.
        timestamp: the unit or the formats of the times.

    Returns:
        Seconds since 1970, or numbers of the unit `order`; NaN or any number for a text that is not a time.
    """
    if timestamp.unit is None:
        seconds = _read_formats(text, timestamp.formats)
        return seconds, ~np.isnan(seconds)
    numbers = read_numbers(text, UNITS_PER_SECOND[timestamp.unit])
    if timestamp.unit == "order":
        return numbers, (numbers >= 0) & (numbers == np.floor(numbers))
    return numbers, ~np.isnan(numbers)


def in_range(timestamps_s: Seconds, timestamp: TimestampConfig) -> Mask:
    """Return which of the times are between 1980 and 2100, or for the unit `order` at most `LARGEST_ORDER`."""
    if timestamp.unit == "order":
        return np.asarray(timestamps_s <= LARGEST_ORDER)
    return np.asarray((timestamps_s >= EARLIEST_S) & (timestamps_s < LATEST_S))


def plausible(text: pa.Array, timestamp: TimestampConfig) -> Mask:
    """Return which of the texts are times in the accepted range.

    Args:
        text: string array without null.
        timestamp: the unit or the formats of the times.

    Returns:
        Bool [texts].
    """
    timestamps_s, readable = read_times(pc.utf8_trim_whitespace(text), timestamp)
    return readable & in_range(timestamps_s, timestamp)


def _read_formats(text: pa.Array, formats: tuple[str, ...]) -> Seconds:
    """Return what the first format gives that can read a text; NaN if none can."""
    seconds = _read_format(text, formats[0])
    for form in formats[1:]:
        unread = np.isnan(seconds)
        if not unread.any():
            break
        seconds[unread] = _read_format(text.filter(pa.array(unread)), form)
    return seconds


def _read_format(text: pa.Array, form: str) -> Seconds:
    seconds = read_layouts(text, ISO_LAYOUTS if form == ISO8601 else layouts(form))
    others = np.isnan(seconds)
    if others.any():
        distinct = text.filter(pa.array(others)).dictionary_encode()
        parsed = np.array([read_time(value, form) for value in distinct.dictionary.to_pylist()])
        seconds[others] = parsed[distinct.indices.to_numpy()]
    return seconds


def read_time(text: str, form: str) -> float:
    """Return a time in seconds since 1970, NaN if the text does not have the format.

    Args:
        text: the time. Without a zone it is UTC.
        form: `iso8601`, or directives of `strptime`.
    """
    if form == ISO8601:
        return read_iso_time(text)
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()

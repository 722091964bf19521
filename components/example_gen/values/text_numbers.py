"""Numbers that are written as text, read by column."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"  # what float() accepts, without nan, inf and 1_000

_INTEGER_DIGITS = 19  # any such number fits into uint64
_MANY = 10**9  # integers divided by so much have more digits than float64

Numbers = npt.NDArray[np.float64]


def read_numbers(text: pa.Array, divisor: int = 1) -> Numbers:
    """Return texts as numbers.

    Args:
        text: string array without null, with digits, a sign, a decimal point and an exponent, each optional.
        divisor: what the numbers are divided by, before they are rounded to float64.

    Returns:
        NaN for a text that is not a number, infinite for one beyond float64.
    """
    is_integer = _numpy(pc.and_(pc.ascii_is_decimal(text), pc.less_equal(pc.binary_length(text), _INTEGER_DIGITS)))
    if is_integer.all():
        return _integers(text, divisor)
    numbers = np.empty(len(text))
    numbers[is_integer] = _integers(text.filter(pa.array(is_integer)), divisor)
    numbers[~is_integer] = read_floats(text.filter(pa.array(~is_integer)), divisor)
    return numbers


def _integers(text: pa.Array, divisor: int) -> Numbers:
    """Return texts of at most `_INTEGER_DIGITS` digits as float64, divided."""
    integers = pc.cast(text, pa.uint64()).to_numpy()
    if divisor < _MANY:
        return np.asarray(integers.astype(np.float64) / divisor)
    return np.array([integer / divisor for integer in integers.tolist()], dtype=np.float64)  # see _quotient


def read_floats(text: pa.Array, divisor: int) -> Numbers:
    """Return what `read_numbers` returns, in the way that takes any number."""
    number = pc.if_else(pc.match_substring_regex(text, NUMBER), text, pa.scalar("nan"))
    if divisor < _MANY:
        try:
            # Arrow accepts no plus sign.
            parsed = pc.cast(pc.utf8_ltrim(number, "+"), pa.float64())
            return np.asarray(parsed.to_numpy(zero_copy_only=False), dtype=np.float64) / divisor
        except pa.ArrowInvalid:
            pass  # some versions of Arrow refuse numbers beyond float64
    return np.array([_quotient(value, divisor) for value in number.to_pylist()], dtype=np.float64)


def read_number(text: str) -> float:
    """Return the text as a number, NaN if it is not one.

    Args:
        text: digits with a sign, a decimal point and an exponent, each optional.
    """
    return float(text) if re.match(NUMBER, text) else np.nan


def _quotient(number: str, divisor: int) -> float:
    # Nanoseconds have more digits than float64. Rounding before the division could move a time below a whole second.
    whole = number.isdigit() and len(number) < 30
    return int(number) / divisor if whole else float(number) / divisor


def _numpy(mask: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)

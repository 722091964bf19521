import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.values.text_numbers import NUMBER, read_floats, read_numbers

NUMBERS = st.from_regex(r"[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,25})([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(st.lists(NUMBERS.filter(str.isascii), min_size=1), st.sampled_from([1, 10**3]))
def test_numbers_equal_those_of_float(texts: list[str], divisor: int) -> None:
    expected = [float(text) / divisor for text in texts]

    np.testing.assert_array_equal(read_numbers(pa.array(texts), divisor), expected)


@given(st.lists(st.text(max_size=6) | st.sampled_from(["nan", "inf", "1_0", "0x1", "\u0661", "1e", ".", "+-1", " 1"])))
def test_numbers_of_other_texts_are_nan(texts: list[str]) -> None:
    found = read_numbers(pa.array(texts, pa.string()))

    for text, number in zip(texts, found, strict=True):
        assert np.isnan(number) or number == float(text)
    assert np.isnan(found).tolist() == [re.fullmatch(NUMBER.strip("^$"), text, re.ASCII) is None for text in texts]


@given(st.lists(st.integers(0, 4 * 10**18), min_size=1))
def test_nanoseconds_are_divided_before_they_are_rounded(integers: list[int]) -> None:
    expected = [integer / 10**9 for integer in integers]

    np.testing.assert_array_equal(read_numbers(pa.array(list(map(str, integers))), 10**9), expected)


@given(
    st.lists(st.from_regex(r"[+-]?[0-9]{1,22}", fullmatch=True) | st.sampled_from(["", "x", "0x1", "1.5", "-0"])),
    st.sampled_from([1, 10**3, 10**6, 10**9]),
)
def test_numbers_of_integers_equal_those_of_other_numbers(texts: list[str], divisor: int) -> None:
    column = pa.array(texts, pa.string())

    found, expected = read_numbers(column, divisor), read_floats(column, divisor)

    assert found.tobytes() == expected.tobytes()


def test_numbers_beyond_float64_are_infinite_or_zero() -> None:
    found = read_numbers(pa.array(["1e999", "-1e999", "1e-999", "+7", "9" * 400]))

    assert found.tolist() == [np.inf, -np.inf, 0.0, 7.0, np.inf]

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.interactions.ragged import distinct_in_order, excluded, ragged_indices, to_offsets

CODES = st.integers(0, 6) | st.integers(0, 2**31)
LISTS = st.lists(st.lists(CODES, max_size=8), max_size=8)


def ints(values: Any) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def flat(lists: list[list[int]]) -> npt.NDArray[np.int64]:
    return ints([value for values in lists for value in values])


def listed(column: npt.NDArray[np.int64]) -> list[int]:
    assert column.dtype == np.int64
    return column.tolist()


def offsets_of(lists: list[list[int]]) -> list[int]:
    return [sum(map(len, lists[:count])) for count in range(len(lists) + 1)]


@given(lengths=st.lists(st.integers(0, 9)))
def test_to_offsets_ends_each_list_after_its_length(lengths: list[int]) -> None:
    assert to_offsets(ints(lengths)).tolist() == [sum(lengths[:count]) for count in range(len(lengths) + 1)]


@given(ranges=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=9))
def test_ragged_indices_concatenate_ranges(ranges: list[tuple[int, int]]) -> None:
    expected = [list(range(start, start + length)) for start, length in ranges]

    indices, offsets = ragged_indices(ints([r[0] for r in ranges]), ints([sum(r) for r in ranges]))

    assert listed(indices) == flat(expected).tolist()
    assert listed(offsets) == offsets_of(expected)


@given(lists=LISTS)
def test_distinct_in_order_keeps_the_first_of_equal_codes(lists: list[list[int]]) -> None:
    expected = [list(dict.fromkeys(codes)) for codes in lists]

    positions, offsets = distinct_in_order(flat(lists), ints(offsets_of(lists)))

    assert flat(lists)[positions].tolist() == flat(expected).tolist()
    assert listed(offsets) == offsets_of(expected)
    # The position is that of the first occurrence, so that other columns of the same rows can be taken with it.
    first = [[codes.index(code) for code in kept] for codes, kept in zip(lists, expected, strict=True)]
    starts = offsets_of(lists)
    assert positions.tolist() == [start + index for start, found in zip(starts, first, strict=False) for index in found]


@st.composite
def codes_and_examples(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int, int]]]:
    codes = draw(st.lists(CODES, max_size=20))
    example = st.tuples(*[st.integers(0, len(codes))] * 3).map(lambda bounds: tuple(sorted(bounds)))
    return codes, draw(st.lists(example, max_size=9))


@given(drawn=codes_and_examples())
def test_excluded_are_the_sorted_codes_before_a_history_that_are_not_in_it(
    drawn: tuple[list[int], list[tuple[int, int, int]]],
) -> None:
    codes, examples = drawn
    expected = [sorted(set(codes[begin:start]).difference(codes[start:first])) for begin, start, first in examples]

    found, offsets = excluded(ints(codes), *ints(examples).reshape(-1, 3).T)

    assert listed(found) == flat(expected).tolist()
    assert listed(offsets) == offsets_of(expected)


def test_excluded_of_equal_codes_in_other_histories_stay() -> None:
    found, offsets = excluded(ints([1, 2, 1, 3]), ints([0, 0, 2]), ints([1, 2, 2]), ints([2, 3, 4]))

    # The histories are [2], [1] and [1, 3]; the last one has nothing before it.
    assert (found.tolist(), offsets.tolist()) == ([1, 2], [0, 1, 2, 2])

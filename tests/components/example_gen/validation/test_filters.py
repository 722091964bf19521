from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.validation.filters import first_failed_filters
from schemas.config.filters import FilterConfig

VALUES = ["view", "View", "viewed", "5", "5.0", "4.99", " 7", "1e3", "-3", "nan", "1e999", ""]


def kept(rule: dict[str, Any]) -> list[str]:
    filters = [FilterConfig.model_validate({"column": "c", **rule})]
    failed = first_failed_filters([pa.array([value.strip() for value in VALUES])], filters, len(VALUES))
    return [value for value, index in zip(VALUES, failed.tolist(), strict=True) if index == 1]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"above": 5}, [" 7", "1e3", "1e999"]),
        ({"at_least": 5}, ["5", "5.0", " 7", "1e3", "1e999"]),
        ({"below": 5}, ["4.99", "-3"]),
        ({"at_most": 5}, ["5", "5.0", "4.99", "-3"]),
        ({"above": 4, "at_most": 7}, ["5", "5.0", "4.99", " 7"]),
        ({"at_least": 5, "below": 7}, ["5", "5.0"]),
        ({"at_least": 5, "at_most": 5}, ["5", "5.0"]),
        ({"matches": "view.*"}, ["view", "viewed"]),
        ({"one_of": ["view", "5", ""]}, ["view", "5", ""]),
    ],
)
def test_first_failed_filters_keeps_the_values_of_the_condition(rule: dict[str, Any], expected: list[str]) -> None:
    assert kept(rule) == expected


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1))
def test_first_failed_filters_counts_the_first_filter_that_fails(rows: list[tuple[str, int]]) -> None:
    filters = [FilterConfig(column="event", one_of=("a", "b")), FilterConfig(column="price", above=3, below=8)]
    events, prices = pa.array([event for event, _ in rows]), pa.array([str(price) for _, price in rows])

    failed = first_failed_filters([events, prices], filters, len(rows))

    assert failed.tolist() == [0 if event == "c" else 1 if not 4 <= price <= 7 else 2 for event, price in rows]


def test_first_failed_filters_without_filters_keeps_all_rows() -> None:
    assert first_failed_filters([], [], 3).tolist() == [0, 0, 0]

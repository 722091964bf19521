from typing import Any

import pytest
from pydantic import ValidationError

from schemas.config.filters import FilterConfig


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "give one of matches, one_of, or a range"),
        ({"matches": "x", "above": 1}, "give one of matches, one_of, or a range"),
        ({"matches": "x", "one_of": ["x"]}, "give one of matches, one_of, or a range"),
        ({"one_of": ["x"], "at_most": 1}, "give one of matches, one_of, or a range"),
        ({"matches": "("}, "not a regular expression"),
        ({"one_of": []}, "at least 1 item"),
        ({"one_of": [1]}, "valid string"),
        ({"one_of": ["a", " b"]}, "one_of has ' b', but white space"),
        ({"above": 1, "at_least": 1}, "give either above or at_least"),
        ({"below": 1, "at_most": 1}, "give either below or at_most"),
        ({"above": 5, "below": 5}, "no number is in the range: c above 5 below 5"),
        ({"above": 5, "at_most": 5}, "no number is in the range"),
        ({"at_least": 5, "below": 5}, "no number is in the range"),
        ({"at_least": 5.5, "at_most": 5}, "no number is in the range"),
        ({"above": float("nan")}, "finite number"),
    ],
)
def test_filter_that_is_no_condition_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FilterConfig.model_validate({"column": "c", **rule})


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        ({"above": 0}, "c above 0"),
        ({"at_least": 0.25, "below": 1234567}, "c at least 0.25 below 1234567"),
        ({"at_least": 5, "at_most": 5}, "c at least 5 at most 5"),
        ({"matches": r"\d+"}, r"c matches \d+"),
        ({"one_of": ["view", "purchase"]}, "c one of view, purchase"),
    ],
)
def test_condition_names_the_column_and_the_values(rule: dict[str, Any], condition: str) -> None:
    rule = {"column": "c", **rule}

    assert FilterConfig.model_validate(rule).condition == condition
    assert FilterConfig.model_validate(FilterConfig.model_validate(rule).model_dump()).condition == condition

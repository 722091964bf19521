from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.config.log import DataConfig
from schemas.config.span_pattern import check_span_pattern, has_spans

COLUMNS = {"user": "user", "item": "item", "timestamp": "time"}


def config(path: str, **settings: Any) -> DataConfig:
    return DataConfig.model_validate({"path": path, "columns": COLUMNS, "timestamp": {"unit": "s"}, **settings})


@pytest.mark.parametrize(
    "path",
    [
        "log-{SPAN}.csv",
        "{SPAN:4}/log.csv",
        "{SPAN:12}",
        "{SPAN:}",  # TFX takes it for no width
        "{YYYY}-{MM}-{DD}/*.csv",
        "{DD}.{MM}.{YYYY}.csv",
        "y={YYYY}/{MM}{DD}",
    ],
)
def test_number_or_date_is_a_span(path: str) -> None:
    assert has_spans(path)
    assert check_span_pattern(path) == path
    assert config(path, num_spans=3).num_spans == 3


@pytest.mark.parametrize("path", ["log.csv", "log-*.csv", "{span}.csv", "{YYY}/{M}", "{SPAN", "SPAN"])
def test_other_text_is_no_span(path: str) -> None:
    assert not has_spans(path)
    assert config(path).path == path
    with pytest.raises(ValidationError, match="num_spans is for a path with"):
        config(path, num_spans=2)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{YYYY}/log.csv", "each of {YYYY}, {MM} and {DD} once"),
        ("{YYYY}-{MM}/log.csv", "each of {YYYY}, {MM} and {DD} once"),
        ("{YYYY}/{YYYY}-{MM}-{DD}.csv", "each of {YYYY}, {MM} and {DD} once"),
        ("{SPAN}/{YYYY}-{MM}-{DD}.csv", "either as a number or as a date"),
        ("{SPAN}/{MM}.csv", "either as a number or as a date"),
        ("{SPAN}/{SPAN}.csv", "more than once"),
        ("{SPAN}/{SPAN:2}.csv", "more than once"),
        ("{SPAN:0}.csv", "a width that is not a positive number"),
        ("{SPAN:-1}.csv", "a width that is not a positive number"),
        ("{SPAN:x}.csv", "a width that is not a positive number"),
        ("{SPAN}/{VERSION}/log.csv", "no versions here"),
        ("{YYYY}-{MM}-{DD}/{VERSION:2}.csv", "no versions here"),
        ("{VERSION}.csv", "no versions here"),
    ],
)
def test_wrong_pattern_is_refused_with_the_reason(path: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(path)


@pytest.mark.parametrize("count", [0, -1])
def test_number_of_spans_is_positive(count: int) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        config("{SPAN}.csv", num_spans=count)

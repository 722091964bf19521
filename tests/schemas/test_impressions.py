"""The section of an impression log, and the reasons for which its rows are rejected."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from benchmarks.content.mind import BEHAVIORS
from schemas.rejection import ImpressionRejection, RejectionReason
from tests.components.mind import mind


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"clicked_suffix": None, "not_clicked_suffix": ""}, "give either columns.clicked"),
        ({"columns": BEHAVIORS["columns"] | {"clicked": "clicks"}}, "give either columns.clicked"),
        (
            {"columns": BEHAVIORS["columns"] | {"clicked": "clicks"}, "clicked_suffix": None},
            "not_clicked_suffix needs clicked_suffix",
        ),
        ({"not_clicked_suffix": "x-1"}, "must not end with clicked_suffix '-1'"),
        ({"columns": BEHAVIORS["columns"] | {"history": "shown"}}, "'shown' is given twice"),
        ({"format": "jsonl"}, "delimiter is for the format csv"),
        ({"separator": ""}, "separator"),
        ({"click_suffix": "-1"}, "click_suffix"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changed: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        mind(**changed)


def test_reasons_that_a_source_sets_have_one_name() -> None:
    for name in ("MALFORMED", "WRONG_FIELD_COUNT", "BAD_ENCODING"):
        assert ImpressionRejection[name].value == RejectionReason[name].value

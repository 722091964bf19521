from typing import Any

import pytest

from components.example_gen.sources.rejected_rows import (
    RejectedRow,
    check_limits,
    describe_rejected,
    log_remedies,
    remedy_for,
    table_remedies,
)
from schemas.errors import InputError
from schemas.rejection import RejectionReason
from tests.components.logs import data

ROWS = [RejectedRow("log.csv", line, f"u{line},,5") for line in (7, 9, 12)]
SAMPLES = {"no_item": ROWS, "filtered": ROWS[:1], "malformed": ROWS[:2]}
REJECTED = {"no_item": 3, "malformed": 2, "filtered": 40}


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_rejected_share": 0.05}, None),  # 5 of 100 rows: filtered rows do not count
        ({"max_rejected_share": 0.049}, r"at most 4\.90% of the rows rejected \(data.max_rejected_share\)"),
        ({"max_rejected_share_by_reason": {"no_item": 0.03, "filtered": 0.4, "no_user": 0.0}}, None),
        (
            {"max_rejected_share_by_reason": {"no_item": 0.03, "malformed": 0.019, "filtered": 0.39}},
            r"of the rows rejected at most 1\.90% as malformed, 39\.00% as filtered"
            r" \(data.max_rejected_share_by_reason\)\nreceived: 42 of 100",
        ),
    ],
)
def test_check_limits_with_one_row_more_than_allowed_raises(limits: dict[str, Any], message: str | None) -> None:
    if message is None:
        check_limits(100, REJECTED, SAMPLES, data(**limits), log_remedies())
    else:
        with pytest.raises(InputError, match=message):
            check_limits(100, REJECTED, SAMPLES, data(**limits), log_remedies())


def test_check_limits_by_reason_shows_only_the_reasons_that_exceed_theirs() -> None:
    with pytest.raises(InputError) as error:
        check_limits(100, REJECTED, SAMPLES, data(max_rejected_share_by_reason={"malformed": 0.0}), log_remedies())

    assert "no_item" not in str(error.value)
    assert error.value.remedy == RejectionReason.MALFORMED.remedy


def test_describe_rejected_shows_counts_remedies_and_examples() -> None:
    long = RejectedRow("b.csv", 2, "x" * 150)

    text = describe_rejected({"no_item": 1, "no_user": 3}, {"no_user": ROWS, "no_item": [long]}, log_remedies())

    assert text.split("\n") == [
        "",
        "  no_user: 3 rows; check data.columns.user and data.null_values",
        "    log.csv:7: 'u7,,5'",
        "    log.csv:9: 'u9,,5'",
        "    log.csv:12: 'u12,,5'",
        "  no_item: 1 row; check data.columns.item and data.null_values",
        f"    b.csv:2: '{'x' * 100}'...",
    ]


def test_remedy_for_a_table_names_the_settings_of_the_table() -> None:
    remedy = remedy_for({"wrong_field_count": 2, "no_user": 1}, log_remedies())
    assert remedy == "check data.delimiter, data.quote and data.column_names"
    of_users = table_remedies("users")
    for reason in ("wrong_field_count", "malformed"):
        assert of_users[reason] == "check data.users.quote (null if the table does not quote) and data.users.delimiter"
    assert "iconv" in of_users["bad_encoding"]

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from components.ingestion_report import FILE_NAME, IngestionReport, RejectedRow
from schemas.errors import InputError
from tests.components.logs import data

REPORT = IngestionReport(
    rows_read=100,
    rows_accepted=90,
    rows_rejected={"filtered": 6, "no_user": 3, "no_item": 1},
    rejected_samples={name: [RejectedRow("log.csv", 7, "raw text")] for name in ("filtered", "no_user", "no_item")},
    below_item_minimum=0,
    below_user_minimum=0,
    users=10,
    items=20,
    interactions=90,
    ties=0,
    first_timestamp_s=0.0,
    last_timestamp_s=1.0,
    cuts_s=None,
    examples={"train": 1, "eval": 1, "test": 1},
    not_in_table=0,
    targets_without_history=0,
)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    report = dataclasses.replace(REPORT, cuts_s=(1.5, 2.5))

    (tmp_path / FILE_NAME).write_text(report.to_json(), encoding="utf-8")

    assert IngestionReport.read(str(tmp_path)) == report


def changed(**values: Any) -> IngestionReport:
    return dataclasses.replace(REPORT, **values)


def test_as_many_rejected_rows_as_the_configuration_allows_are_good_enough() -> None:
    REPORT.check(data(max_rejected_share=0.04))  # filtered rows do not count


@pytest.mark.parametrize(
    ("report", "messages"),
    [
        (changed(rows_read=0, rows_accepted=0, rows_rejected={}), ["no rows"]),
        (REPORT, ["at most 3.90%", "4 of 100 rows", "no_user: 3, like log.csv:7: 'raw text'", "data.columns.user"]),
        (
            changed(rows_accepted=0, rows_rejected={"filtered": 96, "no_user": 4}),
            ["100 of 100 rows", "filtered: 96", "no_user: 4", "check data.filters"],
        ),
        (
            changed(examples={"train": 0, "eval": 3, "test": 3}, rows_rejected={}),
            ["train: 4 interactions", "no train examples from 10 users with 90 interactions"],
        ),
        (
            changed(examples={"train": 3, "eval": 0, "test": 0}, rows_rejected={}, cuts_s=(5.0, 9.0)),
            ["eval: an interaction between the cuts", "no eval and no test examples", "cut at 5 and 9 s"],
        ),
        (
            changed(examples={"train": 0, "eval": 0, "test": 0}, rows_rejected={}, below_user_minimum=88),
            ["88 rows below data.min_user_interactions"],
        ),
    ],
)
def test_refuses_what_is_not_good_enough(report: IngestionReport, messages: list[str]) -> None:
    with pytest.raises(InputError) as error:
        report.check(data(max_rejected_share=0.039))

    assert [message for message in messages if message not in str(error.value)] == []

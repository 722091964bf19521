import dataclasses
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.counts.report import LEFT_OUT, REPORT_FILE, IngestionReport, TableRows
from components.example_gen.sources.rejected_rows import RejectedRow
from schemas.config import SplitConfig
from schemas.config.columns import TimestampConfig
from schemas.config.tables import UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import START_S, data
from tests.components.protocols import LEAVE_ONE_OUT, NEXT, session

REPORT = IngestionReport(
    spans=["2026-11-01"],
    late_rows={"2026-11-01": 2},
    rows_read=100,
    rows_accepted=90,
    rows_rejected={"filtered": 6, "no_user": 3, "no_item": 1},
    rows_filtered={"item matches x": 2, "price above 0": 4},
    rejected_times={},
    rejected_samples={name: [RejectedRow("log.csv", 7, "raw text")] for name in ("filtered", "no_user", "no_item")},
    left_out=dict.fromkeys(LEFT_OUT, 0),
    users=10,
    items=20,
    interactions=90,
    ties=0,
    first_timestamp_s=0.0,
    last_timestamp_s=1.0,
    split_times_s=None,
    examples={"train": 1, "eval": 1, "test": 1},
    roles={"trained_on": 70, "eval_targets": 10, "test_targets": 10},
    test_users={"warm": 10, "cold": 0},
    users_not_in_table=0,
    tables={},
)
TABLE = {"path": "table.csv", "id": "key"}
COLUMNS = {"columns": {"kind": {"column": "kind"}}}


TABLE_ROWS = TableRows(
    rows_read=50, rows_rejected={"bad_encoding": 2}, rejected_samples={"bad_encoding": [RejectedRow("t.csv", 3, "a")]}
)


def test_a_report_that_is_read_equals_the_one_that_was_written(tmp_path: Path) -> None:
    report = dataclasses.replace(REPORT, split_times_s=(1.5, 2.5), tables={"items": TABLE_ROWS})

    (tmp_path / REPORT_FILE).write_text(report.to_json(), encoding="utf-8")

    assert IngestionReport.read(str(tmp_path)) == report


def changed(**values: Any) -> IngestionReport:
    return dataclasses.replace(REPORT, **values)


def test_check_with_as_many_rejected_rows_as_allowed_passes_and_with_one_more_raises() -> None:
    REPORT.check(data(max_rejected_share=0.04), LEAVE_ONE_OUT)  # 4 of 100 rows: filtered rows do not count
    with pytest.raises(InputError, match="at most 4"):
        changed(rows_rejected={"filtered": 5, "no_user": 4, "no_item": 1}).check(
            data(max_rejected_share=0.04), LEAVE_ONE_OUT
        )


@pytest.mark.parametrize(
    ("report", "messages"),
    [
        (changed(rows_read=0, rows_accepted=0, rows_rejected={}), ["no rows"]),
        (REPORT, ["at most 3.90%", "4 of 100 rows", "no_user: 3 rows", "log.csv:7: 'raw text'", "data.columns.user"]),
        (
            changed(rows_accepted=0, rows_rejected={"filtered": 96, "no_user": 4}),
            [
                "100 of 100 rows",
                "filtered: 96 rows",
                "no_user: 4 rows",
                "check data.filters: 'price above 0' rejects 4 rows",
            ],
        ),
        (
            changed(examples={"train": 0, "eval": 3, "test": 3}, rows_rejected={}),
            ["train: 4 interactions", "no train examples from 10 users with 90 interactions"],
        ),
        (
            changed(examples={"train": 0, "eval": 0, "test": 0}, rows_rejected={}, left_out={"below_user_minimum": 88}),
            ["88 rows left out by data.min_user_interactions"],
        ),
    ],
)
def test_check_of_an_insufficient_report_names_what_is_missing(report: IngestionReport, messages: list[str]) -> None:
    with pytest.raises(InputError) as error:
        report.check(data(max_rejected_share=0.039), LEAVE_ONE_OUT)

    assert [message for message in messages if message not in str(error.value)] == []


SOUND = changed(rows_rejected={}, split_times_s=(0.5, 1.0))


@pytest.mark.parametrize(
    ("split", "messages"),
    [
        (NEXT, ["eval: an interaction between the split times", "test: an interaction after test starts"]),
        (session(None), ["eval: a session of 2 interactions that begins between the split times"]),
    ],
    ids=["temporal", "session"],
)
def test_check_without_examples_names_what_the_protocol_needs(split: SplitConfig, messages: list[str]) -> None:
    report = dataclasses.replace(SOUND, examples={"train": 3, "eval": 0, "test": 0}, split_times_s=(0.25, 1.0))

    with pytest.raises(InputError) as error:
        report.check(data(), split)

    messages = [*messages, "no eval and no test examples", "split at 0 and 1 s"]
    assert [message for message in messages if message not in str(error.value)] == []


@pytest.mark.parametrize(
    ("split_times_s", "good"),
    [((0.5, 1.0), True), ((0.0, 1.0), False), ((0.5, 1.5), False), ((2.0, 3.0), False), ((-2.0, -1.0), False)],
)
def test_check_with_split_times_outside_the_log_raises(split_times_s: tuple[float, float], good: bool) -> None:
    report = dataclasses.replace(SOUND, split_times_s=split_times_s)

    if good:
        report.check(data(), NEXT)
    else:
        with pytest.raises(InputError, match=r"from 1970-01-01T00:00:00\+00:00 to 1970-01-01T00:00:01\+00:00"):
            report.check(data(), NEXT)


def test_check_of_the_unit_order_shows_split_times_as_numbers() -> None:
    report = dataclasses.replace(SOUND, split_times_s=(7.0, 8.0))

    with pytest.raises(InputError, match=r"validation starts, 7, and ends after test starts, 8"):
        report.check(data(timestamp=TimestampConfig(unit="order")), NEXT)


@pytest.mark.parametrize(
    ("lacking", "tables", "good"),
    [
        ({"users_not_in_table": 9}, {"users": UsersTableConfig.model_validate(TABLE | COLUMNS)}, True),
        ({"users_not_in_table": 10}, {"users": UsersTableConfig.model_validate(TABLE | COLUMNS)}, False),
    ],
)
def test_check_with_a_table_that_has_no_id_of_the_log_raises(
    lacking: dict[str, int], tables: dict[str, Any], good: bool
) -> None:
    report = changed(rows_rejected={}, **lacking)
    (name,) = tables

    if good:
        report.check(data(**tables), LEAVE_ONE_OUT)
    else:
        with pytest.raises(InputError, match=rf"{name} of the log in column 'key' of table.csv(.|\n)*data.{name}.id"):
            report.check(data(**tables), LEAVE_ONE_OUT)


@pytest.mark.parametrize("name", ["items", "users"])
def test_check_with_too_many_rejected_table_rows_names_the_table(name: str) -> None:
    report = changed(rows_rejected={}, tables={name: TABLE_ROWS})

    report.check(data(max_rejected_share=0.04), LEAVE_ONE_OUT)
    with pytest.raises(
        InputError, match=rf"rows of data\.{name} rejected(.|\n)*2 of 50 rows(.|\n)*t\.csv:3(.|\n)*iconv"
    ):
        report.check(data(max_rejected_share=0.039), LEAVE_ONE_OUT)


MS, US, NS = (str(START_S * 10**power) for power in (3, 6, 9))


@pytest.mark.parametrize(
    ("timestamp", "times", "remedy"),
    [
        ({"unit": "ms"}, {str(START_S): 6}, "set data.timestamp.unit: s; the 50 accepted rows are rejected then"),
        ({"unit": "s"}, {MS: 6, "0": 5}, "set data.timestamp.unit: ms; the 50 accepted"),
        ({"unit": "s"}, {US: 6, MS: 5}, "set data.timestamp.unit: us; the 50 accepted"),
        ({"unit": "s"}, {NS: 6}, "set data.timestamp.unit: ns; the 50 accepted"),
        ({"unit": "s"}, {"2020-09-13T12:26:40Z": 6}, "format: iso8601, and no data.timestamp.unit; the 50 accepted"),
        ({"format": "%d.%m.%Y"}, {MS: 6}, "unit: ms, and no data.timestamp.format; the 50 accepted"),
        ({"format": "%d.%m.%Y"}, {"2020-09-13": 6}, 'set data.timestamp.format: ["%d.%m.%Y", iso8601]'),
        ({"format": ["%Y", "%d.%m.%Y"]}, {"9/13/2020": 6}, 'format: ["%Y", "%d.%m.%Y", "%m/%d/%Y"]'),
        ({"unit": "s"}, {MS: 5, "0": 5}, "times must lie between 1980 and 2100"),
    ],
)
def test_check_with_times_of_another_kind_names_the_remedy(
    timestamp: dict[str, Any], times: dict[str, int], remedy: str
) -> None:
    samples = {"bad_timestamp": [RejectedRow("log.csv", 7, "raw text")]}
    report = changed(
        rows_accepted=50, rows_rejected={"bad_timestamp": 50}, rejected_samples=samples, rejected_times=times
    )

    with pytest.raises(InputError) as error:
        report.check(data(timestamp=TimestampConfig.model_validate(timestamp)), LEAVE_ONE_OUT)

    assert remedy in str(error.value)

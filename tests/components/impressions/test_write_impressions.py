"""The artifact of the impressions: what is in each split, its counts, its dead letters and its errors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from components.impressions.impression_report import ImpressionReport
from components.impressions.write_impressions import write_impressions
from schemas.errors import InputError
from schemas.impression import QUERIED_IMPRESSION
from tests.components.impression_logs import HISTORIES, settings, shown, time_s, write_examples, write_shown

ROWS = [
    shown(1, "u1", 0, "a b", "a"),
    shown(2, "u1", 10, "c d", "c"),  # validation starts
    shown(3, "u2", 19.5, "e f"),
    shown(3, "u1", 20, "d e new", "d"),  # test starts
    shown(5, "u3", 25, "a b", "a b"),
    shown(6, "u2", 23, "f a"),
    shown(3, "u1", 20, "d e", "e"),  # again
    shown("", "u1", 3, "a"),
]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_examples(tmp_path_factory.mktemp("log"))


def artifact(tmp_path: Path, examples: str, rows: list[str], **changed: Any) -> Path:
    """Write an artifact and return its folder."""
    folder = tmp_path / f"artifact-{len(list(tmp_path.iterdir()))}"
    write_impressions(settings(write_shown(tmp_path / "shown.csv", rows), **changed), examples, str(folder))
    return folder


def read(folder: Path, split: str) -> list[dict[str, Any]]:
    table = pq.read_table(folder / f"{split}.parquet")
    assert table.schema.equals(QUERIED_IMPRESSION)
    return list(table.to_pylist())


def test_impressions_are_divided_at_the_times_of_the_split(tmp_path: Path, examples: str) -> None:
    folder = artifact(tmp_path, examples, ROWS)

    ids = {split: [row["impression_id"] for row in read(folder, split)] for split in ("train", "eval", "test")}
    assert ids == {"train": ["1"], "eval": ["2", "3"], "test": ["3", "5", "6"]}
    items, days = HISTORIES["u1"]
    assert read(folder, "test")[0] == {
        "impression_id": "3",
        "user_id": "u1",
        "timestamp_s": time_s(20),
        "history": items,
        "history_times_s": [time_s(day) for day in days],
        "shown": ["d", "e", "new"],
        "clicked": [True, False, False],
    }
    assert [row["history"] for row in read(folder, "test")[1:]] == [[], HISTORIES["u2"][0]]
    found = read(folder, "eval")  # the histories before day 10
    assert [row["history"] for row in found] == [["a", "b"], ["b", "c"]]
    assert found[0]["history_times_s"] == [time_s(0), time_s(1)]
    assert read(folder, "train")[0]["history"] == []


def test_history_of_the_log_is_kept_in_every_split(tmp_path: Path, examples: str) -> None:
    rows = [shown(1, "u1", 0, "a b", "a", "x y"), shown(2, "u1", 20, "d e", "d", "b"), shown(3, "u2", 21, "d e", "d")]

    folder = artifact(tmp_path, examples, rows, history=True)

    assert [row["history"] for row in read(folder, "train")] == [["x", "y"]]
    assert [(row["history"], row["history_times_s"]) for row in read(folder, "test")] == [(["b"], [0]), ([], [])]


def test_report_counts_every_row(tmp_path: Path, examples: str) -> None:
    report = ImpressionReport.read(str(artifact(tmp_path, examples, ROWS)))

    assert report == ImpressionReport(
        rows_read=8,
        rows_rejected={"duplicate_impression": 1, "no_impression": 1},
        impressions={"train": 1, "eval": 2, "test": 3},
        shown={"train": 2, "eval": 4, "test": 7},
        clicks={"train": 1, "eval": 1, "test": 3},
        users=3,
        items=7,
        items_not_in_log=1,  # new
        test_without_history=1,  # u3
        test_without_clicks=1,
        test_only_clicks=1,
        first_timestamp_s=time_s(0),
        last_timestamp_s=time_s(25),
        split_times_s=(time_s(10), time_s(20)),
        propensities=None,
        propensity_errors=None,
    )
    assert list(report.warnings()) == []


def test_rejected_rows_are_dead_letters_with_their_place_and_text(tmp_path: Path, examples: str) -> None:
    folder = artifact(tmp_path, examples, ROWS)

    (file,) = (folder / "rejected").iterdir()
    letters = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [(each["reason"], each["line"], each["raw"]) for each in letters] == [
        ("duplicate_impression", 8, ROWS[6]),
        ("no_impression", 9, ROWS[7]),
    ]


def test_artifact_has_equal_bytes_for_equal_logs(tmp_path: Path, examples: str) -> None:
    first, second = (artifact(tmp_path, examples, ROWS) for _ in range(2))

    for name in ("train.parquet", "eval.parquet", "test.parquet", "report.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_ids_in_any_script_are_kept(tmp_path: Path, examples: str) -> None:
    rows = [shown("№1", "u1", 20, "d 新聞 😀 <b>x</b>", "😀")]

    (row,) = read(artifact(tmp_path, examples, rows), "test")

    assert (row["impression_id"], row["shown"]) == ("№1", ["d", "新聞", "😀", "<b>x</b>"])
    assert row["clicked"] == [False, False, True, False]


def test_shuffled_propensities_come_from_impressions_before_the_test_span(tmp_path: Path, examples: str) -> None:
    rows = [shown(n, "u1", n, "a b c", "a" if n < 4 else "b" if n < 5 else "") for n in range(10)]
    rows += [shown(20 + n, "u2", 21, "d e f", "f") for n in range(5)]

    report = ImpressionReport.read(str(artifact(tmp_path, examples, rows, position_bias={"estimate": "shuffled"})))

    assert report.propensities == [1.0, 0.25, 0.0]  # 4, 1 and 0 clicks of 10 impressions each
    assert report.propensity_errors is not None
    assert report.propensity_errors[0] == 0.0


def test_propensities_by_item_compare_an_item_with_itself(tmp_path: Path, examples: str) -> None:
    shuffled = [("a b", "a"), ("a b", "a"), ("b a", ""), ("b a", "a")]  # a: 2 of 2 above, 1 of 2 below
    rows = [shown(n, "u1", n, items, clicked) for n, (items, clicked) in enumerate(shuffled)]
    rows += [shown(9, "u2", 21, "d e", "d")]

    report = ImpressionReport.read(str(artifact(tmp_path, examples, rows, position_bias={"estimate": "by_item"})))

    assert report.propensities == [1.0, 0.5]


def test_given_propensities_are_recorded(tmp_path: Path, examples: str) -> None:
    report = ImpressionReport.read(str(artifact(tmp_path, examples, ROWS, position_bias={"propensities": [1.0, 0.5]})))

    assert (report.propensities, report.propensity_errors) == ([1.0, 0.5], None)


@pytest.mark.parametrize(
    ("rows", "changed", "message"),
    [
        (ROWS[:3], {}, r"not before the test span, which starts at 2020-10-03(.|\n)*3 impressions from 2020-09-13"),
        ([shown(1, "u1", 20, "x y", "x")], {}, r"2 different items, none of which(.|\n)*columns\.shown"),
        ([shown(1, "u1", 20, "a b", "a b"), shown(2, "u1", 20, "a")], {}, r"1 without a click, 1 with clicks only"),
        (ROWS, {"share": 0.2}, r"rows of data\.impressions rejected(.|\n)*2 of 8 rows(.|\n)*duplicate_impression: 1"),
        ([shown("", "u1", 20, "a b", "a")], {}, r"1 rows, none of which is accepted"),
        ([], {}, r"0 rows, none of which is accepted"),
    ],
    ids=["no test", "unknown items", "no pairs", "rejected", "all rejected", "empty"],
)
def test_log_with_nothing_to_measure_raises(
    tmp_path: Path, examples: str, rows: list[str], changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        artifact(tmp_path, examples, rows, **changed)


def test_impressions_that_the_model_cannot_score_are_named_in_warnings(tmp_path: Path, examples: str) -> None:
    rows = [shown(1, "u3", 20, "a new1 new2", "a"), shown(2, "u4", 20, "a new1", "a")]

    report = ImpressionReport.read(str(artifact(tmp_path, examples, rows)))

    items, histories = report.warnings()
    assert items.startswith("2 of the 3 items of data.impressions have no interaction")
    assert histories.startswith("2 of the 2 test impressions of data.impressions have no history")

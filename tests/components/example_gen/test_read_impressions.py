"""Impressions from files: the form of MIND, other formats, and a real sample against a reader in plain Python."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.example_gen.read_impressions import read_impression_file, read_impressions
from schemas.config.impressions import ImpressionsConfig
from schemas.errors import InputError
from schemas.impression import IMPRESSION
from schemas.interaction import REJECTED
from tests.components.mind import NEWS, mind, needs_news

GOOD = "7\tU1\t11/9/2019 12:05:09 AM\tN3 N1\tN5-1 N6-0"


def read(path: Path, impressions: ImpressionsConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the impressions and the rejected rows of a file, in the order of its lines."""
    batches = list(read_impression_file(str(path), impressions))
    tables = (
        pa.Table.from_batches(part, schema).to_pylist()
        for part, schema in zip(zip(*batches, strict=True), (IMPRESSION, REJECTED), strict=True)
    )
    accepted, rejected = (sorted(rows, key=lambda row: int(row["line"])) for rows in tables)
    return accepted, rejected


def of_lines(folder: Path, lines: list[str], **changed: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    path = folder / "behaviors.tsv"
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return read(path, mind(path, **changed))


def test_row_of_mind_becomes_lists_and_a_mask(tmp_path: Path) -> None:
    accepted, rejected = of_lines(tmp_path, [GOOD, "8\tU2\t11/9/2019 12:05:09 PM\t\tN-0-0  N6-1"])

    midnight_s = datetime(2019, 11, 9, tzinfo=timezone.utc).timestamp()
    assert accepted == [
        {
            "impression_id": "7",
            "user_id": "U1",
            "timestamp_s": midnight_s + 5 * 60 + 9,  # 12 AM is midnight
            "history": ["N3", "N1"],
            "shown": ["N5", "N6"],
            "clicked": [True, False],
            "file": str(tmp_path / "behaviors.tsv"),
            "line": 1,
        },
        {
            "impression_id": "8",
            "user_id": "U2",
            "timestamp_s": midnight_s + 12 * 3600 + 5 * 60 + 9,
            "history": [],  # a new user
            "shown": ["N-0", "N6"],  # only the last suffix is removed
            "clicked": [False, True],
            "file": str(tmp_path / "behaviors.tsv"),
            "line": 2,
        },
    ]
    assert rejected == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7\tU1\t11/9/2019 12:05:09 AM\tN3", "wrong_field_count"),
        ("7\tU\udcff\t11/9/2019 12:05:09 AM\tN3\tN5-1", "bad_encoding"),
        (" \tU1\t11/9/2019 12:05:09 AM\tN3\tN5-1", "no_impression"),
        ("7\t\t11/9/2019 12:05:09 AM\tN3\tN5-1", "no_user"),
        ("7\tU1\t11/9/2019 13:05:09 AM\tN3\tN5-1", "bad_timestamp"),  # not a 12-hour time
        ("7\tU1\t13/9/2019 12:05:09 AM\tN3\tN5-1", "bad_timestamp"),  # the month comes first
        ("7\tU1\t\tN3\tN5-1", "bad_timestamp"),
        ("7\tU1\t11/9/1919 12:05:09 AM\tN3\tN5-1", "timestamp_out_of_range"),
        ("7\tU1\t11/9/2019 12:05:09 AM\tN3\t ", "no_shown_item"),
        ("7\tU1\t11/9/2019 12:05:09 AM\tN3\tN5-1 N6", "bad_list"),
        ("7\tU1\t11/9/2019 12:05:09 AM\tN3\tN5-2", "bad_list"),
        ("7\tU1\t11/9/2019 12:05:09 AM\tN3\tN5-1 -0", "bad_list"),
        ("7\t\tnever\tN3\t", "no_user"),  # the first reason that applies
        (f"7\tU1\t11/9/2019 12:05:09 AM\t{'N3 ' * 43_691}N\tN5-1", "malformed"),  # 131,074 characters
    ],
)
def test_malformed_row_is_rejected_with_line_reason_and_bytes(tmp_path: Path, line: str, reason: str) -> None:
    accepted, rejected = of_lines(tmp_path, [GOOD, line, GOOD])

    assert [row["line"] for row in accepted] == [1, 3]
    assert rejected == [
        {
            "reason": reason,
            "file": str(tmp_path / "behaviors.tsv"),
            "line": 2,
            "raw": line.encode("utf-8", "surrogateescape") + b"\n",
        }
    ]


def test_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("impression\tuser\ttime\tshown\n")

    with pytest.raises(InputError, match="history"):
        read(path, mind(path, column_names=None))


def test_repeated_impression_is_rejected_also_in_another_file(tmp_path: Path) -> None:
    others = ["8\tU1\t11/9/2019 12:05:09 AM\t\tN5-1", "7\tU2\t11/9/2019 12:05:09 AM\t\tN5-1"]
    later = "7\tU1\t11/9/2019 12:05:10 AM\t\tN5-1"
    contradicted = "7\tU1\t11/9/2019 12:05:09 AM\t\tN6-1"
    (tmp_path / "1.tsv").write_text("".join(f"{line}\n" for line in [GOOD, *others, GOOD]))
    (tmp_path / "2.tsv").write_text("".join(f"{line}\n" for line in [later, "", contradicted]))

    batches = list(read_impressions(mind(tmp_path)))

    accepted, rejected = (pa.Table.from_batches(part).to_pylist() for part in zip(*batches, strict=True))
    ids = [(row["impression_id"], row["user_id"], row["shown"]) for row in accepted]
    assert ids == [("7", "U1", ["N5", "N6"]), ("8", "U1", ["N5"]), ("7", "U2", ["N5"]), ("7", "U1", ["N5"])]
    assert [(row["reason"], Path(row["file"]).name, row["line"], row["raw"]) for row in rejected] == [
        ("duplicate_impression", "1.tsv", 4, f"{GOOD}\n".encode()),
        ("duplicate_impression", "2.tsv", 3, f"{contradicted}\n".encode()),
    ]


LISTS: dict[str, Any] = {
    "columns": {"impression": "id", "user": "user", "timestamp": "time", "shown": "shown", "clicked": "clicked"},
    "timestamp": {"unit": "s"},
}


def test_clicked_items_in_a_column_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    row = {"id": 1, "user": "u", "time": 1_600_000_000, "shown": "a, b,a", "clicked": "a"}
    changes: list[dict[str, Any]] = [
        {},
        {"clicked": ""},
        {"clicked": "c"},
        {"shown": "a,,b"},
        {"clicked": "a,"},
        {"shown": "a,b\nc,a"},
    ]
    path.write_text("".join(json.dumps(row | change) + "\n" for change in changes))

    accepted, rejected = read(path, ImpressionsConfig(path=str(path), format="jsonl", separator=",", **LISTS))

    assert [(each["shown"], each["clicked"], each["history"]) for each in accepted] == [
        (["a", "b", "a"], [True, False, True], []),
        (["a", "b", "a"], [False, False, False], []),
    ]
    found = [(each["line"], each["reason"]) for each in rejected]
    assert found == [(3, "click_not_shown"), (4, "bad_list"), (5, "bad_list"), (6, "malformed")]


ROWS: list[dict[str, Any]] = [
    {"shown": ["a b", "c", "a b"], "clicked": ["c"]},
    {"shown": [], "clicked": None},
    {"shown": ["a", None], "clicked": []},
    {"shown": ["a", "x\ny"], "clicked": []},
    {"shown": [" a "], "clicked": ["b"]},
]


def write_lists(path: Path, kind: str) -> None:
    """Write impressions whose lists are lists of the format."""
    rows = [{"id": str(number), "user": "u", "time": 1_600_000_000, **row} for number, row in enumerate(ROWS)]
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_lists_of_the_format_need_no_separator(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"log.{kind}"
    write_lists(path, kind)

    accepted, rejected = read(path, ImpressionsConfig.model_validate({"path": str(path), "format": kind, **LISTS}))

    assert [(row["shown"], row["clicked"]) for row in accepted] == [(["a b", "c", "a b"], [False, True, False])]
    assert [row["reason"] for row in rejected] == ["no_shown_item", "bad_list", "malformed", "click_not_shown"]


def test_numbers_and_texts_with_separators_are_lists_in_json(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    row = {"id": 1, "user": "u", "time": 1_600_000_000}
    values: list[dict[str, Any]] = [
        {"shown": [3, "4"], "clicked": 4},
        {"shown": " 3  4 ", "clicked": ""},
        {"shown": [3, 1.5], "clicked": []},
    ]
    path.write_text("".join(json.dumps(row | value) + "\n" for value in values))

    accepted, rejected = read(path, ImpressionsConfig(path=str(path), format="jsonl", **LISTS))

    lists = [(each["shown"], each["clicked"]) for each in accepted]
    assert lists == [(["3", "4"], [False, True]), (["3", "4"], [False, False])]
    assert [each["reason"] for each in rejected] == ["bad_list"]


def test_unmarked_items_are_not_clicked_if_only_clicks_have_a_suffix(tmp_path: Path) -> None:
    line = "7\tU1\t11/9/2019 12:05:09 AM\t\tN5* N6"

    accepted, _ = of_lines(tmp_path, [line], clicked_suffix="*", not_clicked_suffix="")

    assert (accepted[0]["shown"], accepted[0]["clicked"]) == (["N5", "N6"], [True, False])


ENTRY = st.text(st.sampled_from("ab-01 é\t\n"), max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(fields=st.lists(st.lists(ENTRY, min_size=4, max_size=6), max_size=5))
def test_every_row_is_an_impression_or_rejected_with_its_line(tmp_path: Path, fields: list[list[str]]) -> None:
    text = "".join("\t".join(row) + "\n" for row in fields)
    path = tmp_path / "any.tsv"
    path.write_text(text)

    accepted, rejected = read(path, mind(path, timestamp={"unit": "order"})) if text.strip("\n") else ([], [])

    expected = [number for number, line in enumerate(text.split("\n"), 1) if line]
    assert sorted(row["line"] for row in [*accepted, *rejected]) == expected
    assert all(len(row["shown"]) == len(row["clicked"]) > 0 for row in accepted)


@needs_news
def test_sample_of_mind_is_read_as_by_a_loop() -> None:
    path = NEWS / "behaviors.tsv.gz"

    accepted, rejected = read(path, mind(path))

    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    assert rejected == []
    assert len(accepted) == len(rows) == 5_000
    for found, (impression, user, time, history, shown) in zip(accepted, rows, strict=True):
        moment = datetime.strptime(time, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=timezone.utc)
        pairs = [entry.rsplit("-", 1) for entry in shown.split()]
        assert found["impression_id"] == impression
        assert found["user_id"] == user
        assert found["timestamp_s"] == moment.timestamp()
        assert found["history"] == history.split()
        assert found["shown"] == [item for item, _ in pairs]
        assert found["clicked"] == [mark == "1" for _, mark in pairs]

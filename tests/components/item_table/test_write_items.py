"""The artifact of the items: equal bytes for equal tables, its report, its dead letters and its errors."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.example_gen.counts.interaction_counts import (
    count_interactions,
    merge_counts,
    read_log_items,
    write_counts,
)
from components.item_table.item_report import ItemTableReport
from components.item_table.write_items import write_items
from schemas.config.tables import ItemTableConfig
from schemas.errors import InputError
from tests.components.item_tables import FORMATS, row, settings, write
from tests.components.logs import START_S, data
from tests.components.protocols import timelines
from trainer.data.item_content import read_items

ROWS = [
    row("a", genres=["x", "y"]),
    row("b", name="<b>B</b>", genres=["y"], price="-0", image=[0.1, 0.2, 1e-7]),
    row("ü", name=None, abstract=None, genres=None, price=None, date=None, image=None),
]


def examples(folder: Path, *items: str) -> str:
    """Write the counts of a log with these items."""
    rows = [("u", item, float(START_S + n)) for n, item in enumerate(items)]
    write_counts(merge_counts([count_interactions(timelines(rows), data())]), str(folder), f"{folder}/unfinished")
    return str(folder)


def artifact(tmp_path: Path, config: ItemTableConfig, *items: str) -> Path:
    """Write an artifact for a log with these items, and return its folder."""
    name = f"artifact-{len(list(tmp_path.iterdir()))}"
    write_items(config, examples(tmp_path / f"{name}-examples", *items), str(tmp_path / name))
    return tmp_path / name


def written(tmp_path: Path, kind: str, rows: list[dict[str, Any]], **changed: Any) -> bytes:
    path = write(tmp_path / f"{len(list(tmp_path.iterdir()))}.{kind}", kind, rows)
    return (artifact(tmp_path, settings(path, kind, **changed), "a") / "items.parquet").read_bytes()


def test_artifact_has_equal_bytes_in_every_format_and_order(tmp_path: Path) -> None:
    orders = [list(order) for order in itertools.permutations(ROWS)]

    assert len({written(tmp_path, kind, ROWS, vectors={}) for kind in FORMATS}) == 1
    assert len({written(tmp_path, kind, ROWS) for kind in ("jsonl", "parquet")}) == 1
    assert len({written(tmp_path, "jsonl", order) for order in orders}) == 1
    assert written(tmp_path, "jsonl", ROWS) != written(tmp_path, "jsonl", ROWS[:2])


def test_artifact_does_not_depend_on_the_division_into_files(tmp_path: Path) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    for n, each in enumerate(ROWS):
        plain = write(tmp_path / "plain", "jsonl", [each]).read_bytes()
        (folder / f"{n}.jsonl.gz").write_bytes(gzip.compress(plain))

    divided = artifact(tmp_path, settings(folder, "jsonl"), "a") / "items.parquet"

    assert divided.read_bytes() == written(tmp_path, "jsonl", ROWS)


def test_read_items_returns_the_columns_of_the_artifact(tmp_path: Path) -> None:
    path = write(tmp_path / "items", "jsonl", ROWS)

    items = read_items(str(artifact(tmp_path, settings(path, "jsonl"), "a")))

    assert items.ids.tolist() == ["a", "b", "ü"]
    assert {name: texts.tolist() for name, texts in items.texts.items()} == {
        "title": ["Title a", "<b>B</b>", ""],
        "abstract": ["An abstract", "An abstract", ""],
    }
    assert items.categories == {"genres": [["x", "y"], ["y"], []]}
    np.testing.assert_array_equal(items.numbers["price"], [1.5, 0.0, np.nan])
    assert items.published_s is not None
    np.testing.assert_array_equal(items.published_s, [1_600_000_000.0, 1_600_000_000.0, np.nan])
    expected = np.array([[0.5, -0.25, 0.125], [0.1, 0.2, 1e-7], [np.nan] * 3], np.float32)
    np.testing.assert_array_equal(items.vectors["image"], expected)


def test_report_counts_rows_missing_values_and_both_differences(tmp_path: Path) -> None:
    rows = [*ROWS, row("a", genres=["x", "y"]), row("b", name="old", date="2019-01-01"), row("c", price="cheap")]
    path = write(tmp_path / "items", "jsonl", rows)

    folder = artifact(tmp_path, settings(path, "jsonl"), "a", "b", "c", "d", "a", "d")

    report = ItemTableReport.read(str(folder))
    assert {reason: [each.line for each in rows] for reason, rows in report.rejected_samples.items()} == {
        "duplicate_item": [5],
        "bad_number": [6],
    }
    assert replace(report, rejected_samples={}) == ItemTableReport(
        rejected_samples={},
        rows_read=6,
        rows_accepted=3,
        rows_merged=1,
        rows_rejected={"duplicate_item": 1, "bad_number": 1},
        missing={"title": 1, "abstract": 1, "genres": 1, "price": 1, "published_s": 1, "image": 1},
        cut={},
        one_value=[],
        log_items=4,
        not_in_table=2,  # c, whose row is rejected, and d
        interactions_not_in_table=3,  # one with c, two with d
        not_in_log=1,  # ü
    )


def test_rejected_rows_are_dead_letters_with_their_place_and_text(tmp_path: Path) -> None:
    path = write(tmp_path / "items.csv", "csv", [row("a"), row("b", price="cheap")])

    folder = artifact(tmp_path, settings(path, "csv"), "a")

    (file,) = (folder / "rejected").iterdir()
    (letter,) = (json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines())
    assert letter == {
        "reason": "bad_number",
        "file": str(path),
        "line": 3,
        "raw": "b,Title b,An abstract,a|b c,cheap,2020-09-13T12:26:40Z",
    }


def test_category_with_one_value_is_named_in_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "items", "csv", [row("a", genres=["x"]), row("b", genres=["x"]), row("c", genres=None)])

    report = ItemTableReport.read(str(artifact(tmp_path, settings(path, "csv"), "a")))

    assert report.one_value == ["genres"]
    assert report.warnings() == ["data.items.columns.genres has one value only, so that it distinguishes no items"]


def test_table_without_an_item_of_the_log_raises(tmp_path: Path) -> None:
    path = write(tmp_path / "items", "csv", ROWS)

    with pytest.raises(
        InputError, match=r"none of the 2 items of the log among 3: 'a', 'b', 'ü'(.|\n)*data\.items\.id"
    ):
        artifact(tmp_path, settings(path, "csv"), "1", "2")


def test_table_with_too_many_rejected_rows_raises_and_leaves_dead_letters(tmp_path: Path) -> None:
    path = write(tmp_path / "items.csv", "csv", [row("a"), row("b", price="cheap")])
    log = examples(tmp_path / "examples", "a")

    with pytest.raises(
        InputError, match=r"1 of 2 rows rejected(.|\n)*bad_number: 1 row; check the kind of data\.items"
    ):
        write_items(settings(path, "csv", share=0.4), log, str(tmp_path / "artifact"))
    assert [each.name for each in (tmp_path / "artifact").iterdir() if each.name != "unfinished"] == ["rejected"]
    write_items(settings(path, "csv", share=0.5), log, str(tmp_path / "artifact"))


def test_vectors_of_another_length_end_the_run_before_training(tmp_path: Path) -> None:
    path = write(tmp_path / "items.jsonl", "jsonl", [row("a", image=[1.0, 2.0]), row("b", image=[1.0, 2.0])])
    log = examples(tmp_path / "examples", "a")

    with pytest.raises(InputError, match=r"2 of 2 rows rejected(.|\n)*bad_vector: 2 rows(.|\n)*data\.items\.vectors"):
        write_items(settings(path, "jsonl", share=0.05), log, str(tmp_path / "artifact"))


def test_read_log_items_returns_each_item_with_its_interactions(tmp_path: Path) -> None:
    found = read_log_items(examples(tmp_path / "log", "b", "a", "b"))
    assert dict(zip(found.ids.to_pylist(), found.interactions.tolist(), strict=True)) == {"a": 1, "b": 2}

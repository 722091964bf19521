"""The table of items in each format: values, defects that are planted and found, duplicates."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyarrow import parquet

from components.example_gen.tables import item_rows
from components.example_gen.tables.item_rows import ItemRows, read_item_rows, read_item_texts
from components.example_gen.tables.item_values import MAX_TEXT
from schemas.errors import InputError
from tests.components.item_tables import FORMATS, row, settings, write

SECONDS = 1_600_000_000.0  # 2020-09-13T12:26:40Z
# Each changes a good row; the reason is that of every format, unless a format has one of its own.
DEFECTS: dict[str, dict[str, Any]] = {
    "no_item": {"sku": None},
    "bad_number": {"price": "cheap"},
    "bad_timestamp": {"date": "yesterday"},
    "timestamp_out_of_range": {"date": "1970-01-02"},
    "malformed": {"sku": "two\nlines"},
}
OF_VECTORS: dict[str, dict[str, Any]] = {
    "too short": {"image": [1.0, 2.0]},
    "beyond float32": {"image": [1.0, 2.0, 1e39]},
    "missing value": {"image": [1.0, 2.0, None]},
}


def read(path: Path, kind: str, rows: list[dict[str, Any]], **changed: Any) -> tuple[ItemRows, list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    read = read_item_rows(
        settings(write(path, kind, rows), kind, **changed), lambda batch: found.extend(batch.to_pylist())
    )
    return read, found


@pytest.mark.parametrize("kind", FORMATS)
def test_read_item_rows_returns_typed_values_sorted_by_id(tmp_path: Path, kind: str) -> None:
    rows = [
        row("b", name="  <b>Ünï</b> 🎈 日本語 ", genres=["x", " y  z", "x", "NULL"]),
        row("a", name=None, abstract="two\nlines", genres=None, price=None, date=None, image=None),
    ]

    read_rows, rejected = read(tmp_path / "items", kind, rows)

    first: dict[str, Any] = {"id": "a", "title": None, "abstract": "two\nlines", "genres": []}
    first |= {"price": None, "published_s": None}
    second: dict[str, Any] = {"id": "b", "title": "<b>Ünï</b> 🎈 日本語", "abstract": "An abstract"}
    second |= {"genres": ["x", "y z"], "price": 1.5, "published_s": SECONDS}
    vectors: list[dict[str, Any]] = [{}, {}] if kind == "csv" else [{"image": None}, {"image": [0.5, -0.25, 0.125]}]
    assert read_rows.items.to_pylist() == [first | vectors[0], second | vectors[1]]
    assert (read_rows.counts.rows_read, read_rows.merged, read_rows.cut, rejected) == (2, 0, {}, [])


@pytest.mark.parametrize("kind", FORMATS)
@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_read_item_rows_finds_exactly_the_planted_defects(tmp_path: Path, kind: str, drawn: st.DataObject) -> None:
    defects = {name: drawn.draw(st.integers(0, 3), name) for name in DEFECTS}
    vectors = {name: drawn.draw(st.integers(0, 2), name) for name in OF_VECTORS} if kind != "csv" else {}
    good, merged, conflicts = (drawn.draw(st.integers(0, 4), name) for name in ("good", "merged", "conflicts"))
    rows = [row(f"good {n}") for n in range(good)]
    rows += [row(f"merged {n}") for n in range(merged) for _ in range(2)]
    rows += [row(f"conflict {n}", name=name) for n in range(conflicts) for name in ("one", "other")]
    for name, count in defects.items():
        rows += [row(f"{name} {n}") | DEFECTS[name] for n in range(count)]
    for name, count in vectors.items():
        rows += [row(f"{name} {n}") | OF_VECTORS[name] for n in range(count)]
    rows = drawn.draw(st.permutations(rows), "order")

    read_rows, rejected = read(tmp_path / "items", kind, rows)

    expected = Counter({**defects, "bad_vector": sum(vectors.values()), "duplicate_item": conflicts})
    counts = read_rows.counts
    assert counts.rows_rejected == {reason: count for reason, count in expected.items() if count}
    assert Counter(each["reason"] for each in rejected) == +expected
    assert len({(each["file"], each["line"]) for each in rejected}) == len(rejected)
    assert (read_rows.items.num_rows, read_rows.merged) == (good + merged + conflicts, merged)
    assert counts.rows_read == len(rows) == read_rows.items.num_rows + merged + sum(counts.rows_rejected.values())


def test_csv_row_with_a_wrong_number_of_fields_or_bytes_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path / "items.csv", "csv", [row("a")])
    with path.open("ab") as file:
        file.write(b"b,B\r\nc,Caf\xe9,,,,\r\n")
    found: list[dict[str, Any]] = []

    read_item_rows(settings(path, "csv"), lambda batch: found.extend(batch.to_pylist()))

    assert [(each["reason"], each["line"], each["raw"]) for each in found] == [
        ("wrong_field_count", 3, b"b,B\r\n"),
        ("bad_encoding", 4, b"c,Caf\xe9,,,,\r\n"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"sku": "a", "name": "\\ud800"}', "bad_encoding"),
        (b'{"sku": "a", "genres": ["x", "\\ud800"]}', "bad_encoding"),
        (b'{"sku": "a", "image": [1, 2, NaN]}', "malformed"),
        (b'{"sku": "a", "genres": {"x": 1}}', "malformed"),
        (b'{"sku": "a", "genres": ["\\u0000"]}', "malformed"),
        (b'{"sku": ["a"]}', "malformed"),
        (b'{"sku": "a", "image": [[1], [2], [3]]}', "bad_vector"),
        (b'{"sku": "a", "image": ["x", "y", "z"]}', "bad_vector"),
        (b'{"sku": "a", "image": 7}', "bad_vector"),
    ],
)
def test_json_line_with_a_wrong_value_is_rejected(tmp_path: Path, line: bytes, reason: str) -> None:
    (tmp_path / "items.jsonl").write_bytes(json.dumps(row("good")).encode() + b"\n" + line + b"\n")

    read_rows = read_item_rows(settings(tmp_path / "items.jsonl", "jsonl"))

    assert read_rows.counts.rows_rejected == {reason: 1}


def test_parquet_vector_with_nan_is_rejected(tmp_path: Path) -> None:
    read_rows, _ = read(tmp_path / "items", "parquet", [row("a", image=[1.0, float("nan"), 2.0]), row("b")])

    assert read_rows.counts.rows_rejected == {"bad_vector": 1}


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), 3), pa.large_list(pa.float64()), pa.list_(pa.int64())]
)
def test_parquet_vectors_of_every_type_of_list_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.Table.from_pylist([row("a"), row("b")]).drop(["image"])
    table = table.append_column("image", pa.array([[1, 2, 3], [4, 5, 6]], kind))
    parquet.write_table(table, tmp_path / "items")

    read_rows = read_item_rows(settings(tmp_path / "items", "parquet"))

    assert read_rows.items["image"].to_pylist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("kind", FORMATS)
def test_longest_texts_are_cut_and_counted(tmp_path: Path, kind: str) -> None:
    texts = {"exact": MAX_TEXT, "long": MAX_TEXT + 1}

    read_rows, _ = read(tmp_path / "items", kind, [row(sku, name="é" * count) for sku, count in texts.items()])

    assert [len(title) for title in read_rows.items["title"].to_pylist()] == [MAX_TEXT, MAX_TEXT]
    assert read_rows.cut == {"title": 1}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_title_of_a_megabyte_is_cut(tmp_path: Path, kind: str) -> None:
    read_rows, _ = read(tmp_path / "items", kind, [row("a", name="x" * 1_000_000)])

    assert (read_rows.items["title"].to_pylist(), read_rows.cut) == (["x" * MAX_TEXT], {"title": 1})


def test_title_of_a_megabyte_in_csv_is_rejected(tmp_path: Path) -> None:
    read_rows, rejected = read(tmp_path / "items", "csv", [row("a", name="x" * 1_000_000), row("b")])

    assert read_rows.items["id"].to_pylist() == ["b"]
    assert [each["reason"] for each in rejected] == ["malformed"]


OLD, NEW = "2020-01-01", "2021-01-01"


@pytest.mark.parametrize(
    ("kept", "others"),
    [
        ({"date": NEW, "abstract": None}, [{"date": OLD}, {"date": None}]),
        ({"date": OLD}, [{"date": OLD, "abstract": None}, {"date": OLD, "genres": None}]),
        ({"date": NEW, "name": "same"}, [{"date": NEW, "name": "same", "image": None}]),
    ],
    ids=["the newest", "the most values", "the most values with a vector"],
)
def test_kept_row_of_an_item_does_not_depend_on_the_order(
    tmp_path: Path, kept: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    rows = [row("a", **each) for each in (kept, *others, kept)]

    found = [read(tmp_path / "items", "jsonl", order) for order in (rows, rows[::-1])]

    for read_rows, rejected in found:
        assert read_rows.items["abstract"].to_pylist() == [kept.get("abstract", "An abstract")]
        assert read_rows.items["image"].to_pylist() == [[0.5, -0.25, 0.125]]
        assert read_rows.counts.rows_rejected == {"duplicate_item": len(others)}
        assert (read_rows.merged, len(rejected)) == (1, len(others))
    assert found[0][0].items.equals(found[1][0].items)


def test_rejected_duplicate_has_its_file_line_and_text(tmp_path: Path) -> None:
    for name, title in {"1": "old", "2": "new"}.items():
        write(
            tmp_path / f"{name}.jsonl", "jsonl", [row("z"), row("a", name=title, date=OLD if title == "old" else NEW)]
        )
    found: list[dict[str, Any]] = []

    read_rows = read_item_rows(settings(tmp_path, "jsonl"), lambda batch: found.extend(batch.to_pylist()))

    assert [(each["reason"], each["file"], each["line"]) for each in found] == [
        ("duplicate_item", f"{tmp_path}/1.jsonl", 2)
    ]
    assert json.loads(found[0]["raw"])["name"] == "old"
    assert read_rows.counts.rejected_samples["duplicate_item"][0].line == 2
    assert read_rows.merged == 1  # z is in both files


def test_categories_are_one_text_or_a_list(tmp_path: Path) -> None:
    rows = [row("a", genres="x|y"), row("b", genres=["x", "y"]), row("c", genres=2020), row("d", genres=[1, True])]

    read_rows, _ = read(tmp_path / "items", "jsonl", rows)

    assert read_rows.items["genres"].to_pylist() == [["x", "y"], ["x", "y"], ["2020"], ["1", "true"]]


def test_table_with_more_rows_than_a_worker_holds_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_rows, "MAX_ROWS", 2)

    with pytest.raises(InputError, match="at most 2 rows"):
        read(tmp_path / "items", "jsonl", [row(str(n)) for n in range(3)])


def test_file_without_a_column_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one column 'subtitle'"):
        read(tmp_path / "items", "csv", [row("a")], texts=["subtitle"])


def test_damaged_parquet_names_the_setting_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "items").write_bytes(b"PAR1 and nothing else")

    with pytest.raises(InputError, match=r"check data\.items\.format"):
        read_item_rows(settings(tmp_path / "items", "parquet"))


def test_read_item_texts_returns_the_rows_of_every_file_in_order(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("sku,name,abstract,genres,price,date\na,'A,,,,\nb,bad\nc, C ,,,,\n")
    (tmp_path / "2.csv").write_text("name,sku,abstract,genres,price,date\nB,b,,,,\n")

    assert list(read_item_texts(settings(tmp_path, "csv").items, ["sku", "name"])) == [
        ["a", "'A"],
        ["c", "C"],
        ["b", "B"],
    ]

"""The parts of a file have the rows of the whole file, wherever it is divided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from components.example_gen.sources import csv_batches, csv_parts, csv_rows
from components.example_gen.sources.source import divide_log_file, read_log_file, read_part
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.interaction import LINE
from tests.components.example_gen.sources.test_csv_batches import texts
from tests.components.logs import data

SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def in_order(batches: Any) -> list[dict[str, Any]]:
    return sorted((row for batch in batches for row in batch.to_pylist()), key=lambda row: row[LINE])


def rows_of_parts(path: Path, log: DataConfig, part_bytes: int) -> tuple[int, list[dict[str, Any]]]:
    """Return the number of parts, and their rows in the order of the lines."""
    parts = divide_log_file(str(path), log, part_bytes)
    ends = [0, *(part.end for part in parts)]
    assert [part.start for part in parts] == ends[:-1]
    assert ends[-1] == path.stat().st_size
    return len(parts), in_order(batch for part in parts for batch, _ in read_part(part, log))


@given(drawn=st.data(), quote=st.sampled_from(['"', "'", None]), part_bytes=st.integers(1, 60))
@settings(suppress_health_check=SUPPRESSED, max_examples=100)
@pytest.mark.parametrize("max_lines", [3, 500])
@pytest.mark.parametrize("header", [True, False])
def test_parts_of_delimited_text_have_the_rows_of_the_whole_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    max_lines: int,
    header: bool,
    drawn: st.DataObject,
    quote: str | None,
    part_bytes: int,
) -> None:
    for module in (csv_rows, csv_batches, csv_parts):
        monkeypatch.setattr(module, "MAX_ROW_LINES", max_lines)
    # The smaller the window, the less is known about the rows before a place.
    monkeypatch.setattr(csv_parts, "WINDOW_BYTES", drawn.draw(st.integers(1, 80)))
    text = b"".join(drawn.draw(st.lists(texts(",", quote), min_size=1, max_size=4)))
    names = b"user,item,time\n" if drawn.draw(st.booleans()) else b"\xef\xbb\xbf\n\nuser,item,time\n"
    path = tmp_path / "log.csv"
    path.write_bytes(names + text if header else text)
    log = data(path, quote=quote, column_names=None if header else ("user", "item", "time"))

    count, found = rows_of_parts(path, log, part_bytes)

    event(f"{min(count, 5)} parts")
    assert found == in_order(read_log_file(str(path), log))


def test_quoted_rows_are_divided_between_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\n" + '"u","i\n1",5\n' * 4_000)
    monkeypatch.setattr(csv_parts, "WINDOW_BYTES", 10_000)

    count, found = rows_of_parts(path, data(path), part_bytes=4_000)

    assert count == 13  # of 48,015 bytes
    assert [row[LINE] for row in found] == list(range(2, 8_002, 2))
    assert {(row["user"], row["item"]) for row in found} == {("u", "i\n1")}


def test_file_is_not_divided_where_a_quoted_field_may_go_on(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    row = '"u","' + "u,i,5\n" * 400 + '",5\n'  # each line of the field looks like a row
    path.write_text("user,item,time\n" + row * 20)

    count, found = rows_of_parts(path, data(path), part_bytes=1_000)

    assert count > 1
    assert [row["time"] for row in found] == ["5"] * 20


@pytest.mark.parametrize("quote", ['"', None])
def test_byte_order_mark_is_removed_at_the_beginning_of_the_file_only(tmp_path: Path, quote: str | None) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\n" + "\ufeffu,i,5\n" * 2_000, encoding="utf-8")

    count, found = rows_of_parts(path, data(path, quote=quote), part_bytes=5_000)

    assert count > 1
    assert {row["user"] for row in found} == {"\ufeffu"}


LINE_TEXTS = st.lists(st.sampled_from(['{"user": "u", "item": 1, "time": 5}', '{"user": "a\\nb"}', "", " ", "{", "\r"]))


@given(lines=LINE_TEXTS, end=st.sampled_from(["", "\n"]), part_bytes=st.integers(1, 60))
@settings(suppress_health_check=SUPPRESSED, max_examples=100)
def test_parts_of_json_lines_have_the_rows_of_the_whole_file(
    tmp_path: Path, lines: list[str], end: str, part_bytes: int
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + end, newline="")
    log = data(path, format="jsonl")

    assert rows_of_parts(path, log, part_bytes)[1] == in_order(read_log_file(str(path), log))


def test_parts_of_parquet_are_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    table = pa.table({name: [f"{name}{i}" for i in range(1_000)] for name in ("user", "item", "time")})
    parquet.write_table(table, path, row_group_size=100)
    log = data(path, format="parquet")

    count, found = rows_of_parts(path, log, part_bytes=1)

    assert count == 10
    assert [(row[LINE], row["user"]) for row in found] == [(i + 1, f"user{i}") for i in range(1_000)]


@pytest.mark.parametrize("name", ["log.csv.gz", "log.csv"])
def test_compressed_and_small_files_are_one_part(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x" * 100)

    assert len(divide_log_file(str(tmp_path / name), data(), 10 if name.endswith(".gz") else 51)) == 1


def test_file_that_becomes_shorter_stops_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\n" + "u,i,5\n" * 1_000)
    parts = divide_log_file(str(path), data(), 2_000)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(InputError, match=f"in {path}\n.*has become shorter"):
        list(read_part(parts[-1], data()))

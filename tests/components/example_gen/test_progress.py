import logging
import time
from pathlib import Path

import pytest

from components.example_gen import progress
from components.example_gen.progress import Progress, ProgressWriter, log_progress, progress_folder, read_progress
from tests.components.logs import data


def test_progress_is_the_sum_over_all_parts_and_workers(tmp_path: Path) -> None:
    first, second = ProgressWriter(str(tmp_path)), ProgressWriter(str(tmp_path))
    first.set("a", Progress(10, 1, 0))
    first.flush()
    first.set("a", Progress(30, 3, 1))
    first.set("b", Progress(5, 1, 1))
    second.set("c", Progress(7, 2, 0))
    for writer in (first, second):
        writer.flush()

    assert read_progress(str(tmp_path)) == Progress(30 + 5 + 7, 3 + 1 + 2, 1 + 1)


def test_progress_of_a_retried_part_counts_once(tmp_path: Path) -> None:
    for reports in ([Progress(40, 4, 2)], [Progress(10, 1, 0), Progress(90, 9, 3)], [Progress(20, 2, 1)]):
        writer = ProgressWriter(str(tmp_path))  # of a worker; the first and the last are killed
        for report in reports:
            writer.set("a", report)
            writer.flush()

    assert read_progress(str(tmp_path)) == Progress(90, 9, 3)


def test_progress_ignores_a_line_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "worker").write_text('["a", 1, 1, 0]\n["a", 2')

    assert read_progress(str(tmp_path)) == Progress(1, 1, 0)


def test_progress_without_reports_is_none(tmp_path: Path) -> None:
    ProgressWriter(str(tmp_path / "none")).flush()
    without = ProgressWriter(None)
    without.set("a", Progress(1, 1, 0))
    without.flush()

    assert read_progress(str(tmp_path / "none")) is None
    assert list(tmp_path.iterdir()) == []


def test_no_reports_are_written_on_an_object_store() -> None:
    assert progress_folder("gs://bucket/examples/unfinished") is None
    assert progress_folder("/examples/unfinished") == "/examples/unfinished/progress"


def test_log_progress_logs_until_the_log_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "INTERVAL_S", 0.01)
    monkeypatch.setattr(progress, "_QUIET_S", 0.0)
    monkeypatch.setattr(progress, "_LOGGED_S", 0.0)
    (tmp_path / "log.csv").write_bytes(b"x" * 3_000_000)
    folder, writer = str(tmp_path / "progress"), ProgressWriter(str(tmp_path / "progress"))

    with caplog.at_level(logging.INFO, "temporec.progress"), log_progress(folder, data(tmp_path / "log.csv")):
        for report in (Progress(1_000_000, 50_000, 7), Progress(3_000_000, 150_000, 9)):
            writer.set("a", report)
            writer.flush()
            while not any(f"{report.rows:,} rows, " in record.getMessage() for record in caplog.records):
                time.sleep(0.01)

    first, last = caplog.records[0], caplog.records[-1]
    assert first.getMessage().startswith("1 of 3 MB, ")
    assert first.getMessage().endswith(" 50,000 rows, 7 rejected")
    assert last.getMessage().startswith("3 of 3 MB, 0:00:00 left, ")
    assert (vars(last)["done_bytes"], vars(last)["total_bytes"]) == (3_000_000, 3_000_000)

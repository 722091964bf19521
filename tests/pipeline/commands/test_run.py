import shutil
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.commands.run import show_run, with_absolute_paths
from pipeline.records.run_root import RECORD, REPORT, read_record
from schemas.config import Config
from tests.pipeline.report_root import config

TREE = {
    "name": "a-log",
    "data": {
        "path": "logs/*.csv",
        "columns": {"user": "u", "item": "i", "timestamp": "t"},
        "timestamp": {"unit": "s"},
        "items": {"path": "items.csv", "id": "i", "title": "t"},
        "users": {"path": "gs://bucket/users.csv", "id": "u", "columns": {"age": {"column": "a"}}},
    },
}


def test_a_run_reads_the_files_that_it_was_given_wherever_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    data = with_absolute_paths(Config.model_validate(TREE)).data

    assert data.items
    assert data.users
    assert (data.path, data.items.path) == (f"{tmp_path}/logs/*.csv", f"{tmp_path}/items.csv")
    assert data.users.path == "gs://bucket/users.csv"


def test_a_run_says_what_of_it_cannot_be_shown_and_shows_the_rest(finished_root: Path, tmp_path: Path) -> None:
    shutil.copy(finished_root / RECORD, tmp_path)
    record = read_record(finished_root)
    record["artifacts"]["model_run"] = str(tmp_path)
    record["metrics"] = {}
    console = Console(record=True, width=1000)

    show_run(config(tmp_path), record, tmp_path, console)  # there is no table of items in this folder

    said = console.export_text()
    for what in ("Items in TensorBoard's projector: none", "Recommendations: none", "Metrics: none"):
        assert f"{what}, for " in said
    for shown in ("rows read", "Gate: blessed", "Pushed: models/7", f"Report: {tmp_path / REPORT}"):
        assert shown in said

from pathlib import Path

import pytest

from pipeline.run import with_absolute_paths
from schemas.config import Config

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

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from components.example_gen.files import ENDINGS
from components.example_gen.log_files import describe_files, file_settings, list_files
from schemas.config.log import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import data


def rewrite(file: Path) -> None:
    changed = file.stat().st_mtime_ns + 1
    file.write_text("a,b\n")
    os.utime(file, ns=(changed, changed))


def test_files_of_the_log_and_of_its_tables_are_listed() -> None:
    columns = {"columns": {"kind": {"column": "kind"}}}
    items = ItemsTableConfig.model_validate({"path": "data/items/*.csv", "id": "id", "title": "title", **columns})
    users = UsersTableConfig.model_validate({"path": "data/users.csv", "id": "id", **columns})
    assert file_settings(data("data/log.csv", items=items, users=users)) == {
        "data.path": "data/log.csv",
        "data.items.path": "data/items/*.csv",
        "data.users.path": "data/users.csv",
    }


def test_listing_of_a_folder_has_the_files_of_the_format(tmp_path: Path) -> None:
    (tmp_path / "dt=1").mkdir()
    for name in ("a.jsonl", "dt=1/b.jsonl.gz", "c.csv"):
        (tmp_path / name).write_text("1")

    files = list_files({"data.path": str(tmp_path)}, ENDINGS["jsonl"])

    assert [file.path for file in files] == [f"{tmp_path}/a.jsonl", f"{tmp_path}/dt=1/b.jsonl.gz"]


def test_listing_has_path_size_and_time_of_each_file(tmp_path: Path) -> None:
    for name, text in (("b.csv", "22"), ("a.csv", "1"), ("c.txt", "")):
        (tmp_path / name).write_text(text)
    files = list_files({"data.path": str(tmp_path / "*.csv")})
    assert [(Path(file.path).name, file.size) for file in files] == [("a.csv", 1), ("b.csv", 2)]
    assert [file.version for file in files] == [
        str((tmp_path / name).stat().st_mtime_ns) for name in ("a.csv", "b.csv")
    ]
    assert describe_files(files).startswith("2 files, 3 bytes, sha256 ")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.csv").write_text("a,b\nc,d\n"),
        lambda folder: rewrite(folder / "a.csv"),
        lambda folder: (folder / "b.csv").write_text(""),
        lambda folder: (folder / "a.csv").rename(folder / "c.csv"),
    ],
    ids=["one more row", "same size", "one more file", "another name"],
)
def test_description_differs_after_a_change(tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")

    def describe() -> str:
        return describe_files(list_files({"data.path": str(tmp_path / "*.csv")}))

    before = describe()
    assert describe() == before
    change(tmp_path)
    assert describe() != before


def test_missing_table_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.items\.path"):
        list_files({"data.items.path": str(tmp_path / "items.csv")})

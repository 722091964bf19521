from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from components.example_gen.listing import (
    Listing,
    describe_files,
    describe_listing,
    file_settings,
    list_files,
    log_locations,
    unchanged_files,
)
from schemas.config.log import DataConfig
from schemas.config.tables import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from tests.components.impression_logs import settings
from tests.components.logs import data

COLUMNS = {"columns": {"kind": {"column": "kind"}}}


def unchanged_log(settings: DataConfig, described: str | None = None) -> AbstractContextManager[Listing]:
    return unchanged_files(log_locations(settings), described)


def rewrite(file: Path) -> None:
    changed = file.stat().st_mtime_ns + 1
    file.write_text("a,b\n")
    os.utime(file, ns=(changed, changed))


CHANGES = {
    "one more row": lambda folder: (folder / "a.csv").write_text("a,b\nc,d\n"),
    "same size": lambda folder: rewrite(folder / "a.csv"),
    "one more file": lambda folder: (folder / "b.csv").write_text(""),
    "another name": lambda folder: (folder / "a.csv").rename(folder / "c.csv"),
}


def test_files_of_the_log_and_of_its_tables_are_listed() -> None:
    items = ItemsTableConfig.model_validate({"path": "data/items/*.csv", "id": "id", "title": "title", **COLUMNS})
    users = UsersTableConfig.model_validate({"path": "data/users.csv", "id": "id", **COLUMNS})
    impressions = settings(Path("data/shown.csv")).impressions
    assert file_settings(data("data/log.csv", items=items, users=users, impressions=impressions)) == {
        "data.path": "data/log.csv",
        "data.items.path": "data/items/*.csv",
        "data.users.path": "data/users.csv",
        "data.impressions.path": "data/shown.csv",
    }


def test_listing_of_a_folder_has_the_files_of_the_format(tmp_path: Path) -> None:
    (tmp_path / "dt=1").mkdir()
    for name in ("a.jsonl", "dt=1/b.jsonl.gz", "c.csv"):
        (tmp_path / name).write_text("1")

    files = list_files(log_locations(data(tmp_path, format="jsonl"))).files

    assert [file.path for file in files] == [f"{tmp_path}/a.jsonl", f"{tmp_path}/dt=1/b.jsonl.gz"]


def test_listing_has_path_size_and_time_of_each_file(tmp_path: Path) -> None:
    for name, text in (("b.csv", "22"), ("a.csv", "1"), ("c.txt", "")):
        (tmp_path / name).write_text(text)
    listing = list_files(log_locations(data(tmp_path / "*.csv")))
    assert [(Path(file.path).name, file.size) for file in listing.files] == [("a.csv", 1), ("b.csv", 2)]
    assert [file.version for file in listing.files] == [
        str((tmp_path / name).stat().st_mtime_ns) for name in ("a.csv", "b.csv")
    ]
    assert (listing.spans, listing.until) == ([], None)
    assert describe_listing(listing).startswith("2 files, 3 bytes, sha256 ")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_description_differs_after_a_change(tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")

    def describe() -> str:
        return describe_files(log_locations(data(tmp_path / "*.csv")))

    before = describe()
    assert describe() == before
    change(tmp_path)
    assert describe() != before


def test_missing_table_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "log.csv").touch()
    users = UsersTableConfig.model_validate({"path": f"{tmp_path}/users.csv", "id": "id", **COLUMNS})
    with pytest.raises(InputError, match=r"data\.users\.path"):
        list_files(log_locations(data(tmp_path / "log.csv", users=users)))


def test_link_to_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(InputError, match=rf"received: {tmp_path}/a.csv has vanished"):
        list_files(log_locations(data(tmp_path)))


class TestSpans:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for number in (8, 9, 10):
            (tmp_path / f"{number}.csv").write_text("a,b\n")
        return tmp_path

    def describe(self, folder: Path, num_spans: int = 2) -> str:
        return describe_files(log_locations(data(folder / "{SPAN}.csv", num_spans=num_spans)))

    def test_listing_has_the_files_of_the_newest_spans_only(self, folder: Path) -> None:
        listing = list_files(log_locations(data(folder / "{SPAN}.csv", num_spans=2)))

        assert [file.path for file in listing.files] == [f"{folder}/10.csv", f"{folder}/9.csv"]
        assert [span.name for span in listing.spans] == ["9", "10"]
        assert describe_listing(listing).startswith("2 files, 8 bytes, newest span 10, sha256 ")

    def test_description_differs_with_a_new_span_or_a_change_in_the_window(self, folder: Path) -> None:
        before = self.describe(folder)
        (folder / "8.csv").write_text("before the window")
        assert self.describe(folder) == before
        (folder / "9.csv").write_text("late")
        late = self.describe(folder)
        (folder / "11.csv").write_text("a,b\n")
        assert len({before, late, self.describe(folder), self.describe(folder, num_spans=1)}) == 4

    def test_span_that_arrives_later_is_not_read(self, folder: Path) -> None:
        settings = data(folder / "{SPAN}.csv", num_spans=2)
        described = describe_files(log_locations(settings))
        (folder / "11.csv").write_text("a,b\n")

        with unchanged_log(settings, described) as listing:
            (folder / "12.csv").write_text("a,b\n")

        assert [span.name for span in listing.spans] == ["9", "10"]

    def test_file_that_arrives_late_in_a_span_is_named(self, folder: Path) -> None:
        settings = data(folder / "{SPAN}*.csv", num_spans=2)
        with pytest.raises(InputError, match=rf"received: {folder}/9-late.csv is new"), unchanged_log(settings):
            (folder / "9-late.csv").write_text("a,b\n")

    def test_span_between_those_of_the_window_is_named(self, folder: Path) -> None:
        (folder / "9.csv").unlink()
        settings = data(folder / "{SPAN}.csv", num_spans=2)
        with pytest.raises(InputError, match=rf"received: {folder}/9.csv is new"), unchanged_log(settings):
            (folder / "9.csv").write_text("a,b\n")


class TestUnchangedLog:
    PROBLEMS = ("a.csv has changed", "a.csv has changed", "b.csv is new", "a.csv has vanished")

    @pytest.mark.parametrize(("change", "problem"), zip(CHANGES.values(), PROBLEMS, strict=True), ids=CHANGES)
    def test_change_is_named(self, tmp_path: Path, change: Callable[[Path], object], problem: str) -> None:
        (tmp_path / "a.csv").write_text("a,b\n")
        with pytest.raises(InputError, match=rf"received: {tmp_path}/{problem}"), unchanged_log(data(tmp_path)):
            change(tmp_path)

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_change_since_the_listing_is_refused_before_anything_is_read(
        self, tmp_path: Path, change: Callable[[Path], object]
    ) -> None:
        (tmp_path / "a.csv").write_text("a,b\n")
        described = describe_files(log_locations(data(tmp_path)))
        change(tmp_path)
        with (
            pytest.raises(InputError, match=f"that were listed at the start of the run: {described}"),
            unchanged_log(data(tmp_path), described),
        ):
            pytest.fail("the block runs")

    def test_change_of_a_table_is_named(self, tmp_path: Path) -> None:
        for name in ("log.csv", "users.csv"):
            (tmp_path / name).write_text("a,b\n")
        users = UsersTableConfig.model_validate({"path": f"{tmp_path}/users.csv", "id": "id", **COLUMNS})
        settings = data(tmp_path / "log.csv", users=users)
        with pytest.raises(InputError, match=rf"{tmp_path}/users.csv has vanished"), unchanged_log(settings):
            (tmp_path / "users.csv").unlink()

    def test_error_that_a_change_has_caused_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("a,b\n")

        def fail() -> None:
            with unchanged_log(data(tmp_path)):
                (tmp_path / "a.csv").unlink()
                raise RuntimeError("caused by the change")

        with pytest.raises(InputError, match=r"a\.csv has vanished"):
            fail()

    def test_other_error_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("a,b\n")
        with pytest.raises(RuntimeError, match="another cause"), unchanged_log(data(tmp_path)):
            raise RuntimeError("another cause")

    def test_many_changes_are_counted_in_a_short_message(self, tmp_path: Path) -> None:
        for number in range(20):
            (tmp_path / f"{number:02}.csv").write_text("a,b\n")
        files = list(tmp_path.iterdir())
        with pytest.raises(InputError) as error, unchanged_log(data(tmp_path)):
            list(map(Path.unlink, files))
        assert error.value.received.count("has vanished") == 8
        assert error.value.received.endswith("07.csv has vanished\n  ...")

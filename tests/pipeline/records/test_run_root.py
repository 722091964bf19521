from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.commands.compare import compare_roots
from pipeline.records.run_root import RECORD, read_record, write_text
from schemas.errors import InputError


def test_text_file_is_replaced_and_leaves_no_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "made" / "report.html"
    for text in ("first", "second"):
        write_text(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="another path"):
        write_text(tmp_path / "file" / "report.html", "text")
    assert (tmp_path / "file").read_text() == "kept"


def test_folder_as_path_is_refused_and_leaves_no_partial_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="another path"):
        write_text(tmp_path / "folder", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("content", ['{"name": ', "", "[1]", "\udcff"])
def test_unreadable_record_is_refused_with_its_path(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_text(content, errors="surrogateescape")
    with pytest.raises(InputError, match=f"in {tmp_path / RECORD}"):
        read_record(tmp_path)


def test_record_of_another_version_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text('{"name": "of long ago"}')
    with pytest.raises(InputError, match="which lacks 'config'"):
        compare_roots(tmp_path, tmp_path, "recall@10", 10)


def test_paths_of_a_moved_root_start_at_the_present_root(tmp_path: Path) -> None:
    before, after = tmp_path / "a", tmp_path / "b"
    (after / "artifacts" / "counts").mkdir(parents=True)
    record = {
        "root": str(before),
        "artifacts": {"counts": f"{before}/artifacts/counts", "model": f"{before}/artifacts/deleted"},
        "lists": [f"{before}/artifacts/counts", f"{before}er/artifacts/counts", 1],
    }
    (after / RECORD).write_text(json.dumps(record))

    found = read_record(after)

    moved = f"{after}/artifacts/counts"
    assert found["artifacts"] == {"counts": moved, "model": f"{before}/artifacts/deleted"}
    assert found["lists"] == [moved, f"{before}er/artifacts/counts", 1]
    with pytest.raises(InputError, match="which lacks 'statistics'"):
        found["artifacts"]["statistics"]

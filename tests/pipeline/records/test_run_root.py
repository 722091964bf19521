from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.compare import compare_roots
from pipeline.records.run_root import RECORD, read_record, write_whole
from schemas.errors import InputError


def test_a_file_replaces_the_one_before_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "report.html"
    for text in ("first", "second"):
        write_whole(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="another path"):
        write_whole(tmp_path / "file" / "report.html", "text")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_is_refused_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="another path"):
        write_whole(tmp_path / "folder", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("content", ['{"name": ', "", "[1]", "\udcff"])
def test_a_record_that_cannot_be_read_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_text(content, errors="surrogateescape")
    with pytest.raises(InputError, match=f"in {tmp_path / RECORD}"):
        read_record(tmp_path)


def test_a_record_of_another_version_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text('{"name": "of long ago"}')
    with pytest.raises(InputError, match="which lacks 'config'"):
        compare_roots(tmp_path, tmp_path, "recall@10", 10)

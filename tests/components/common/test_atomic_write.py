from pathlib import Path

import pytest

from components.common.atomic_write import atomic_write


def test_a_file_appears_when_its_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file"

    with atomic_write(str(target), str(tmp_path / "scratch")) as unfinished:
        Path(unfinished).write_text("new")
        assert not target.exists()

    assert target.read_text() == "new"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def fail() -> None:
        with atomic_write(str(target), str(tmp_path / "scratch")) as unfinished:
            Path(unfinished).write_text("ne")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()

    assert target.read_text() == "old"

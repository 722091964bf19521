import errno
import os
from pathlib import Path

import pytest
import tensorflow as tf

from components.common.atomic_write import atomic_write
from schemas.errors import InputError


def write(target: Path, scratch: Path, text: str, error: Exception | None = None) -> None:
    with atomic_write(str(target), str(scratch)) as unfinished:
        Path(unfinished).write_text(text)
        if error:
            raise error


def test_atomic_write_moves_the_file_when_its_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file"

    with atomic_write(str(target), str(tmp_path / "scratch")) as unfinished:
        Path(unfinished).write_text("new")
        assert not target.exists()

    assert target.read_text() == "new"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_atomic_write_replaces_a_file(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write(tmp_path / "file", tmp_path / "scratch", text)

    assert (tmp_path / "file").read_text() == "new"


def test_atomic_write_moves_a_folder_when_its_block_ends(tmp_path: Path) -> None:
    with atomic_write(str(tmp_path / "out" / "1"), str(tmp_path / "scratch")) as unfinished:
        Path(unfinished, "variables").mkdir(parents=True)
        Path(unfinished, "variables", "data").write_text("weights")
        assert not (tmp_path / "out").exists()

    assert (tmp_path / "out" / "1" / "variables" / "data").read_text() == "weights"


def test_atomic_write_after_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    with pytest.raises(RuntimeError, match="killed"):
        write(target, tmp_path / "scratch", "ne", RuntimeError("killed"))

    assert target.read_text() == "old"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "expected: space on the disk of"),
        (tf.errors.ResourceExhaustedError(None, None, "No space left on device"), "expected: space on the disk of"),
        (OSError(errno.EACCES, "Permission denied"), "expected: a folder that can be written for"),
        (tf.errors.PermissionDeniedError(None, None, "Permission denied"), "expected: a folder that can be written"),
    ],
)
def test_atomic_write_without_space_or_permission_names_the_remedy(
    tmp_path: Path, error: Exception, expected: str
) -> None:
    with pytest.raises(InputError, match=expected) as raised:
        write(tmp_path / "file", tmp_path / "scratch", "new", error)

    assert "TMPDIR" in raised.value.remedy
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), tf.errors.DataLossError(None, None, "lost")])
def test_atomic_write_passes_other_errors_on(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        write(tmp_path / "file", tmp_path / "scratch", "new", error)

    assert raised.value is error


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_atomic_write_on_a_full_device_asks_for_space(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="space on the disk"),
        atomic_write(str(tmp_path / "file"), str(tmp_path / "scratch")),
        tf.io.gfile.GFile("/dev/full", "w") as file,
    ):
        file.write("x" * 100_000)

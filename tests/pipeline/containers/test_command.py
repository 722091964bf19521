"""What a container prints where its image is the wrong one: real shells and real environments of Python."""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from pipeline.containers.command import COMMAND

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment without any package. Returns its folder of packages."""
    venv.create(tmp_path / "env", symlinks=True)
    (folder,) = (tmp_path / "env").glob("lib/python*/site-packages")
    return folder


def start(path: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--executor_class_path", "x", "--json_serialized_invocation_args", "{}"]
    (folder / "bin").mkdir()
    (folder / "bin/sh").symlink_to(str(shutil.which("sh")))
    environment = {"PATH": f"{folder}/bin:{path}"}
    command = [*COMMAND, *arguments]
    return subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)


def refused(ran: subprocess.CompletedProcess[str]) -> str:
    """Return what was received; the rest of the message is the same for every wrong image."""
    error, expected, received, remedy = ran.stderr.splitlines()
    assert (ran.returncode, error) == (2, "error")
    assert expected == "expected: an image in which python finds temporec and TFX"
    assert remedy.startswith("remedy:   build the image temporec with make image, ")
    return received.removeprefix("received: ")


def test_image_without_python_is_refused(tmp_path: Path) -> None:
    assert refused(start("", tmp_path)).endswith("python: not found")


def test_image_without_temporec_is_refused(python: Path, tmp_path: Path) -> None:
    ran = start(tmp_path / "env/bin", tmp_path)

    assert refused(ran) == "ModuleNotFoundError: No module named 'pipeline'"


def test_image_without_tfx_is_refused(python: Path, tmp_path: Path) -> None:
    (python / "clone.pth").write_text(str(ROOT))

    assert refused(start(tmp_path / "env/bin", tmp_path)).endswith("No package metadata was found for tfx")

"""How the images are built: which engine, with which arguments, and what a user reads where it fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.install import images
from pipeline.version import VERSION
from tests.pipeline.install.test_interpreters import program

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_machine_without_an_engine_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert images.main([]) == 2
    message = capsys.readouterr().err
    assert "expected: podman or docker, with a service that answers" in message
    assert "received: podman: not in PATH; docker: not in PATH" in message
    assert "remedy:   install one" in message


def test_engine_without_a_service_is_named_with_its_reason(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(path / "docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    assert images.main([]) == 2
    assert "docker: Cannot connect to the Docker daemon" in capsys.readouterr().err


def test_engine_that_answers_is_preferred_to_one_that_does_not(path: Path) -> None:
    program(path / "podman", "exit 125")
    program(path / "docker", "exit 0")
    assert images.find_engine() == str(path / "docker")


def test_both_images_are_built_with_version_variant_and_base(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path / "podman", f'echo "$@" >> {tmp_path}/calls')
    assert images.main(["--variant", "cuda", "--base", "mirror/debian:13"]) == 0
    builds = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("build")]
    for build, name in zip(builds, ("temporec", "temporec-serving"), strict=True):
        assert f"--tag {name}:{VERSION}-cuda " in build
        assert "--build-arg VARIANT=cuda " in build
        assert f"--build-arg VERSION={VERSION} " in build
        assert "--build-arg BASE=mirror/debian:13 " in build
        assert build.endswith(f" {ROOT}")
    assert f"built temporec:{VERSION}-cuda and temporec-serving:{VERSION}-cuda" in capsys.readouterr().out


def test_failed_build_ends_with_exit_code_1(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(path / "podman", '[ "$1" = info ]')
    assert images.main([]) == 1
    assert f"could not build temporec:{VERSION}" in capsys.readouterr().err


def test_revision_is_the_commit_and_shows_changes(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("before")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"], ["tag", "-am", "v1", "v1"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert images.revision(tmp_path) == commit
    (tmp_path / "file").write_text("after")
    assert images.revision(tmp_path) == f"{commit}-dirty"


def test_revision_outside_of_a_clone_is_empty(tmp_path: Path) -> None:
    assert images.revision(tmp_path) == ""

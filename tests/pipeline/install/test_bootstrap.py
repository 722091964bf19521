"""Setup run as a user runs it, in small clones, up to where it would download. No test installs an environment."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.install import environment, lanes
from pipeline.install.interpreters import probe
from tests.pipeline.install.test_interpreters import program

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What setup reads of the repository."""
    root = tmp_path / "clone"
    for name in ("pipeline", "schemas", "requirements"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "Makefile"):
        shutil.copy(ROOT / name, root / name)
    return root


def run(clone: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.install.bootstrap", *arguments]
    variables = {"HOME": str(clone), "PATH": os.environ["PATH"], "PYENV_ROOT": str(clone), **environ}
    return subprocess.run(command, check=False, cwd=clone, env=variables, capture_output=True, text=True, timeout=300)


def own_python(clone: Path) -> str:
    """A PATH on which the Python that runs the tests is the only one of its lane."""
    interpreter = probe(Path(sys.executable))
    assert interpreter is not None
    (clone / "bin").mkdir()
    (clone / "bin" / f"python{interpreter.series}").symlink_to(interpreter.executable)
    return f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}"


def lane_of_this_python() -> lanes.Lane:
    series = ".".join(platform.python_version_tuple()[:2])
    return next(lane for lane in lanes.LANES.values() if series in lane.pythons)


def test_everything_that_is_missing_is_listed_at_once_before_any_download(clone: Path) -> None:
    ran = run(clone, PATH="/nowhere")

    assert ran.returncode == 2
    assert "nothing was downloaded" in ran.stderr
    assert "Python 3.10" in ran.stderr
    assert "C++ compiler: none of g++" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (clone / ".venv").exists()


def test_missing_headers_and_venv_of_the_chosen_python_are_named(clone: Path) -> None:
    series = lane_of_this_python().pythons[0]
    facts = {"version": f"{series}.1", "include": "/nowhere", "has_headers": False, "has_venv": False, "usable": True}
    path = clone / f"bin/python{series}"
    program(path, f"echo '{json.dumps({**facts, 'executable': str(path)})}'")

    ran = run(clone, "--check", "--lane", lane_of_this_python().name, PATH=str(clone / "bin"))

    assert ran.returncode == 2
    assert f"apt-get install python{series}-dev" in ran.stderr
    assert f"apt-get install python{series}-venv" in ran.stderr


def test_a_machine_that_has_all_passes_the_check_and_is_told_its_lane(clone: Path) -> None:
    ran = run(clone, "--check", "--lane", lane_of_this_python().name, PATH=own_python(clone))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"lane {lane_of_this_python().name}" in ran.stdout
    assert platform.python_version() in ran.stdout
    assert not (clone / ".venv").exists()


def test_an_unreachable_registry_is_a_message_and_leaves_nothing_that_looks_ready(clone: Path) -> None:
    lane = lane_of_this_python()
    (clone / ".venv").mkdir()
    (clone / ".venv/left-over").touch()

    ran = run(clone, "--lane", lane.name, PATH=own_python(clone), PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)

    assert ran.returncode == 1
    assert "removing .venv" in ran.stdout
    assert "step 2/4 uv failed" in ran.stderr
    assert "reach PyPI, or set a mirror" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (clone / ".venv/left-over").exists()
    assert environment.ready_lane(clone) is None


def test_a_ready_environment_is_left_alone(clone: Path) -> None:
    lane = lane_of_this_python()
    program(clone / ".venv/bin/python", "echo 3.10.13")
    content = {"lane": lane.name, "digest": environment.digest(clone, lane, "3.10.13")}
    (clone / ".venv" / environment.STAMP).write_text(json.dumps(content), encoding="utf-8")

    ran = run(clone, PATH="/nowhere")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "environment is ready" in ran.stdout


def test_a_second_setup_in_one_clone_waits_for_the_first(clone: Path) -> None:
    lane = lane_of_this_python()
    command = [sys.executable, "-u", "-m", "pipeline.install.bootstrap", "--lane", lane.name]
    variables = {"HOME": str(clone), "PATH": own_python(clone), "PYENV_ROOT": str(clone), "PIP_NO_INDEX": "1"}
    first = os.open(clone / "requirements", os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    second = subprocess.Popen(command, cwd=clone, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert second.stdout is not None
        lines = [second.stdout.readline().decode() for _ in range(3)]
        assert "another setup is at work in this clone" in lines[-1]
        assert not (clone / ".venv").exists()
    finally:
        second.kill()
        second.communicate()
        os.close(first)


def test_make_without_python_says_what_to_install(clone: Path) -> None:
    make = shutil.which("make")
    assert make is not None

    ran = subprocess.run(
        [make, "setup"], check=False, cwd=clone, env={"PATH": "/nowhere"}, capture_output=True, text=True
    )

    assert ran.returncode == 2
    assert "apt-get install python3" in ran.stderr

"""Setup, run as a user runs it in small clones, up to the first download. No test installs an environment."""

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

from pipeline.install import environment
from pipeline.install.dependency_sets import DEPENDENCY_SETS, DependencySet
from pipeline.install.interpreters import probe
from tests.pipeline.install.test_interpreters import program

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the files that setup reads."""
    root = tmp_path / "clone"
    for name in ("pipeline", "schemas", "requirements"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, root / name)
    return root


def run(clone: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.install.bootstrap", *arguments]
    variables = {"HOME": str(clone), "PATH": os.environ["PATH"], "PYENV_ROOT": str(clone), **environ}
    return subprocess.run(command, check=False, cwd=clone, env=variables, capture_output=True, text=True, timeout=300)


def own_python(clone: Path) -> str:
    """A PATH on which the Python of the tests is the only one of its dependency set."""
    interpreter = probe(Path(sys.executable))
    assert interpreter is not None
    (clone / "bin").mkdir()
    (clone / "bin" / f"python{interpreter.series}").symlink_to(interpreter.executable)
    return f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}"


def current_set() -> DependencySet:
    """The dependency set of the Python that runs the tests."""
    series = ".".join(platform.python_version_tuple()[:2])
    return next(each for each in DEPENDENCY_SETS.values() if series in each.pythons)


def test_setup_lists_everything_missing_before_any_download(clone: Path) -> None:
    ran = run(clone, PATH="/nowhere")

    assert ran.returncode == 2
    assert "nothing was downloaded" in ran.stderr
    assert "Python 3.10" in ran.stderr
    assert "C++ compiler: none of g++" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (clone / ".venv").exists()


def test_setup_names_missing_headers_and_venv_of_the_chosen_python(clone: Path) -> None:
    series = current_set().pythons[0]
    facts = {"version": f"{series}.1", "include": "/nowhere", "has_headers": False, "has_venv": False, "usable": True}
    path = clone / f"bin/python{series}"
    program(path, f"echo '{json.dumps({**facts, 'executable': str(path)})}'")

    ran = run(clone, "--check", "--set", current_set().name, PATH=str(clone / "bin"))

    assert ran.returncode == 2
    assert f"apt-get install python{series}-dev" in ran.stderr
    assert f"apt-get install python{series}-venv" in ran.stderr


def test_check_on_a_complete_machine_prints_the_dependency_set(clone: Path) -> None:
    ran = run(clone, "--check", "--set", current_set().name, PATH=own_python(clone))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"dependency set {current_set().name}" in ran.stdout
    assert platform.python_version() in ran.stdout
    assert not (clone / ".venv").exists()


def test_unreachable_registry_gives_a_message_and_no_ready_environment(clone: Path) -> None:
    current = current_set()
    (clone / ".venv").mkdir()
    (clone / ".venv/left-over").touch()

    ran = run(clone, "--set", current.name, PATH=own_python(clone), PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)

    assert ran.returncode == 1
    assert "removing .venv" in ran.stdout
    assert "step 2/4 uv failed" in ran.stderr
    assert "make PyPI reachable, or set a mirror" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (clone / ".venv/left-over").exists()
    assert environment.find_ready_set(clone) is None


def test_setup_keeps_a_ready_environment(clone: Path) -> None:
    current = current_set()
    program(clone / ".venv/bin/python", "echo 3.10.13")
    content = {"set": current.name, "digest": environment.environment_digest(clone, current, "3.10.13")}
    (clone / ".venv" / environment.STAMP).write_text(json.dumps(content), encoding="utf-8")

    ran = run(clone, PATH="/nowhere")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "environment is ready" in ran.stdout


def test_second_setup_in_a_clone_waits_for_the_first(clone: Path) -> None:
    current = current_set()
    command = [sys.executable, "-u", "-m", "pipeline.install.bootstrap", "--set", current.name]
    variables = {"HOME": str(clone), "PATH": own_python(clone), "PYENV_ROOT": str(clone), "PIP_NO_INDEX": "1"}
    first = os.open(clone / "requirements", os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    second = subprocess.Popen(command, cwd=clone, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert second.stdout is not None
        lines = [second.stdout.readline().decode() for _ in range(3)]
        assert "another setup is running in this clone" in lines[-1]
        assert not (clone / ".venv").exists()
    finally:
        second.kill()
        second.communicate()
        os.close(first)


def test_make_without_python_names_the_package_to_install(clone: Path) -> None:
    make = shutil.which("make")
    assert make is not None

    ran = subprocess.run(
        [make, "setup"], check=False, cwd=clone, env={"PATH": "/nowhere"}, capture_output=True, text=True
    )

    assert ran.returncode == 2
    assert "apt-get install python3" in ran.stderr

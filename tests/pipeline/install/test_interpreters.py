"""The search for Pythons, in folders of small programs that act as Pythons."""

from __future__ import annotations

import json
import os
import platform
import sys
import venv
from pathlib import Path

from pipeline.install.interpreters import find_interpreters, probe


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def python(path: Path, version: str, *, usable: bool = True) -> Path:
    """A program that answers like a Python of that version."""
    facts = {"executable": str(path), "version": version, "include": "/i", "has_headers": True, "has_venv": True}
    return program(path, f"echo '{json.dumps({**facts, 'usable': usable})}'")


def test_search_order_is_path_then_pyenv_then_uv(tmp_path: Path) -> None:
    in_path = python(tmp_path / "bin/python3.13", "3.13.1")
    in_pyenv = python(tmp_path / "pyenv/versions/3.13.0/bin/python", "3.13.0")
    in_uv = python(tmp_path / "uv/cpython-3.13.2-linux-x86_64-gnu/bin/python3.13", "3.13.2")
    environ = {
        "PATH": f"{tmp_path / 'bin'}",
        "PYENV_ROOT": f"{tmp_path / 'pyenv'}",
        "UV_PYTHON_INSTALL_DIR": f"{tmp_path / 'uv'}",
    }

    found = find_interpreters(environ, ["3.13", "3.10"])

    assert [interpreter.executable for interpreter in found] == [str(in_path), str(in_pyenv), str(in_uv)]


def test_default_folders_of_pyenv_and_uv_are_in_the_home_folder(tmp_path: Path) -> None:
    python(tmp_path / ".pyenv/versions/3.10.13/bin/python", "3.10.13")
    python(tmp_path / ".local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12", "3.12.4")

    found = find_interpreters({"HOME": str(tmp_path), "PATH": ""}, ["3.12", "3.10"])

    assert [interpreter.version for interpreter in found] == ["3.12.4", "3.10.13"]


def test_broken_or_unusable_pythons_are_skipped(tmp_path: Path) -> None:
    program(tmp_path / "shims/python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    program(tmp_path / "shims/python3.12", "echo 'not JSON'")
    python(tmp_path / "shims/python3.11", "3.11.2", usable=False)
    (tmp_path / "shims/python3.10").write_text("not executable", encoding="utf-8")
    good = python(tmp_path / "bin/python3.10", "3.10.13")
    environ = {"PATH": f"{tmp_path / 'shims'}{os.pathsep}{tmp_path / 'bin'}", "HOME": str(tmp_path)}

    found = find_interpreters(environ, ["3.13", "3.12", "3.11", "3.10"])

    assert [interpreter.executable for interpreter in found] == [str(good)]


def test_python_of_another_series_is_not_found(tmp_path: Path) -> None:
    python(tmp_path / "python3.10", "3.9.18")

    assert find_interpreters({"PATH": str(tmp_path), "HOME": str(tmp_path)}, ["3.10"]) == []


def test_python_with_two_names_is_found_once(tmp_path: Path) -> None:
    real = python(tmp_path / "a/python3.13", "3.13.5")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/python3.13").symlink_to(real)
    environ = {"PATH": f"{tmp_path / 'b'}{os.pathsep}{tmp_path / 'a'}", "HOME": str(tmp_path)}

    assert len(find_interpreters(environ, ["3.13"])) == 1


def test_probe_of_the_running_python_returns_its_facts() -> None:
    interpreter = probe(Path(sys.executable))

    assert interpreter is not None
    assert interpreter.version == platform.python_version()
    assert interpreter.has_headers == Path(interpreter.include, "Python.h").is_file()


def test_probe_of_a_virtual_environment_returns_its_base_python(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)

    interpreter = probe(tmp_path / "env/bin/python")

    assert interpreter is not None
    assert not interpreter.executable.startswith(str(tmp_path))

"""The checks of a machine, each on a machine that has and on one that lacks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.install import machine_checks
from pipeline.install.interpreters import Interpreter
from pipeline.install.machine_checks import FAIL, OK
from tests.pipeline.install.test_interpreters import program

PYTHON = Interpreter("/usr/bin/python3.13", "3.13.5", "/usr/include/python3.13", has_headers=True, has_venv=True)


def test_this_machine_compiles() -> None:
    assert machine_checks.check_compiler(os.environ).status == OK


def test_without_a_compiler_the_remedy_is_its_package(tmp_path: Path) -> None:
    check = machine_checks.check_compiler({"PATH": str(tmp_path)})

    assert check.status == FAIL
    assert "g++, c++, clang++" in check.found
    assert "apt-get install g++" in check.remedy


def test_a_compiler_that_does_not_compile_is_none(tmp_path: Path) -> None:
    program(tmp_path / "g++", "exit 1")

    assert machine_checks.find_compiler({"PATH": str(tmp_path)}) is None


def test_clang_is_used_where_it_is_the_only_compiler(tmp_path: Path) -> None:
    program(tmp_path / "clang++", "exit 0")

    assert machine_checks.find_compiler({"PATH": str(tmp_path)}) == {"CXX": "clang++", "CC": "clang"}


def test_the_users_own_compiler_comes_first(tmp_path: Path) -> None:
    program(tmp_path / "g++", "exit 0")
    program(tmp_path / "mine", '[ "$1" = --strict ]')

    assert machine_checks.find_compiler({"PATH": str(tmp_path), "CXX": "mine --strict"}) == {"CXX": "mine --strict"}
    assert machine_checks.find_compiler({"PATH": str(tmp_path), "CXX": "mine"}) == {"CXX": "g++", "CC": "gcc"}


@pytest.mark.parametrize(
    ("check", "package"),
    [
        (machine_checks.check_headers(replace(PYTHON, has_headers=False)), "python3.13-dev"),
        (machine_checks.check_venv(replace(PYTHON, has_venv=False)), "python3.13-venv"),
    ],
)
def test_a_part_of_python_that_is_missing_is_named_by_its_package(
    check: machine_checks.MachineCheck, package: str
) -> None:
    assert check.status == FAIL
    assert f"apt-get install {package}" in check.remedy


def test_a_complete_python_passes() -> None:
    assert [machine_checks.check_headers(PYTHON).status, machine_checks.check_venv(PYTHON).status] == [OK, OK]


def test_a_disk_with_too_little_space_says_how_much_is_needed(tmp_path: Path) -> None:
    assert machine_checks.check_disk(tmp_path, 0).status == OK
    check = machine_checks.check_disk(tmp_path, 1e9)
    assert check.status == FAIL
    assert "1e+09 GB are needed" in check.found


def test_a_folder_in_which_no_file_can_be_made_fails(tmp_path: Path) -> None:
    assert machine_checks.check_writable(tmp_path).status == OK
    check = machine_checks.check_writable(tmp_path / "missing")
    assert check.status == FAIL
    assert "No such file" in check.found


def test_memory_below_the_need_is_a_warning_with_the_amount() -> None:
    assert machine_checks.check_memory(0).status == OK
    check = machine_checks.check_memory(1e6)
    assert check.status == machine_checks.WARN
    assert "less than 1e+06" in check.found


def test_cores_are_those_that_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        check = machine_checks.check_cores()
    finally:
        os.sched_setaffinity(0, allowed)

    assert (check.found, check.status) == ("1", machine_checks.WARN)

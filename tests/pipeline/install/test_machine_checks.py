"""Each check of the machine, once passing and once failing."""

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


def test_compiler_of_this_machine_passes() -> None:
    assert machine_checks.check_compiler(os.environ).status == OK


def test_missing_compiler_names_its_package(tmp_path: Path) -> None:
    check = machine_checks.check_compiler({"PATH": str(tmp_path)})

    assert check.status == FAIL
    assert "g++, c++, clang++" in check.found
    assert "apt-get install g++" in check.remedy


def test_compiler_that_fails_to_compile_is_not_found(tmp_path: Path) -> None:
    program(tmp_path / "g++", "exit 1")

    assert machine_checks.find_compiler({"PATH": str(tmp_path)}) is None


def test_clang_is_found_when_it_is_the_only_compiler(tmp_path: Path) -> None:
    program(tmp_path / "clang++", "exit 0")

    assert machine_checks.find_compiler({"PATH": str(tmp_path)}) == {"CXX": "clang++", "CC": "clang"}


def test_compiler_of_the_user_comes_first(tmp_path: Path) -> None:
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
def test_missing_part_of_python_names_its_package(check: machine_checks.MachineCheck, package: str) -> None:
    assert check.status == FAIL
    assert f"apt-get install {package}" in check.remedy


def test_complete_python_passes() -> None:
    assert [machine_checks.check_headers(PYTHON).status, machine_checks.check_venv(PYTHON).status] == [OK, OK]


def test_disk_with_too_little_space_states_the_need(tmp_path: Path) -> None:
    assert machine_checks.check_disk(tmp_path, 0).status == OK
    check = machine_checks.check_disk(tmp_path, 1e9)
    assert check.status == FAIL
    assert "1e+09 GB are needed" in check.found


def test_folder_that_takes_no_file_fails(tmp_path: Path) -> None:
    assert machine_checks.check_writable(tmp_path).status == OK
    check = machine_checks.check_writable(tmp_path / "missing")
    assert check.status == FAIL
    assert "No such file" in check.found


def test_memory_below_the_need_warns_with_the_amount() -> None:
    assert machine_checks.check_memory(0).status == OK
    check = machine_checks.check_memory(1e6)
    assert check.status == machine_checks.WARN
    assert "less than 1e+06" in check.found


def test_cores_count_only_those_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        check = machine_checks.check_cores()
    finally:
        os.sched_setaffinity(0, allowed)

    assert (check.found, check.status) == ("1", machine_checks.WARN)

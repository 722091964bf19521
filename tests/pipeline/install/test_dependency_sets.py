"""The choice of a dependency set, on machines of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.install.dependency_sets import (
    DEPENDENCY_SETS,
    TFX_1_16,
    TFX_1_21,
    DependencySet,
    describe,
    host_glibc,
    parse_glibc,
    plan_installation,
)
from pipeline.install.interpreters import Interpreter
from schemas.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
BOOKWORM, TRIXIE = (2, 36), (2, 41)


def python(version: str, *, complete: bool = True, where: str = "/usr/bin") -> Interpreter:
    return Interpreter(f"{where}/python{version}", version, "/usr/include", has_headers=complete, has_venv=True)


def test_older_glibc_takes_tfx_1_16_with_python_3_10_only() -> None:
    plan = plan_installation(BOOKWORM, [python("3.13.0"), python("3.11.2"), python("3.10.13")])

    assert (plan.dependency_set, plan.interpreter.version) == (TFX_1_16, "3.10.13")
    assert "2.36" in plan.reason
    assert "2.39" in plan.reason


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (["3.11.2", "3.13.5", "3.12.1"], "3.13.5"),
        (["3.11.2", "3.12.1"], "3.12.1"),
        (["3.10.13", "3.11.2"], "3.11.2"),
    ],
)
def test_newer_glibc_takes_tfx_1_21_with_the_newest_python(found: list[str], taken: str) -> None:
    plan = plan_installation(TRIXIE, [python(version) for version in found])

    assert (plan.dependency_set, plan.interpreter.version) == (TFX_1_21, taken)


def test_tfx_1_21_needs_glibc_2_39() -> None:
    both = [python("3.13.0"), python("3.10.13")]

    assert plan_installation((2, 39), both).dependency_set is TFX_1_21
    assert plan_installation((2, 38), both).dependency_set is TFX_1_16


def test_newer_glibc_with_only_python_3_10_takes_tfx_1_16() -> None:
    plan = plan_installation(TRIXIE, [python("3.10.13")])

    assert plan.dependency_set is TFX_1_16
    assert "found no Python 3.13, 3.12 or 3.11" in plan.reason


def test_complete_python_comes_before_a_newer_incomplete_one() -> None:
    bare, whole = python("3.13.5", complete=False), python("3.12.1")

    assert plan_installation(TRIXIE, [bare, whole]).interpreter is whole
    assert plan_installation(TRIXIE, [bare]).interpreter is bare


def test_first_of_equal_pythons_is_taken() -> None:
    first, second = python("3.13.5", where="/first"), python("3.13.5", where="/second")

    assert plan_installation(TRIXIE, [first, second]).interpreter is first


def test_requested_set_is_taken_or_refused() -> None:
    assert plan_installation(TRIXIE, [python("3.13.5"), python("3.10.13")], "tfx-1.16").dependency_set is TFX_1_16
    with pytest.raises(InputError, match=r"glibc 2\.39 or newer"):
        plan_installation(BOOKWORM, [python("3.13.5"), python("3.10.13")], "tfx-1.21")


def test_missing_python_states_expected_received_and_remedy() -> None:
    with pytest.raises(InputError) as caught:
        plan_installation(BOOKWORM, [python("3.11.2")])

    assert "Python 3.10 for tfx-1.16" in caught.value.expected
    assert "3.11.2 (/usr/bin/python3.11.2)" in caught.value.received
    assert "PATH" in caught.value.received
    assert "pyenv install 3.10" in caught.value.remedy


def test_missing_python_on_a_newer_system_names_its_packages() -> None:
    with pytest.raises(InputError) as caught:
        plan_installation(TRIXIE, [])

    assert "Python 3.13, 3.12 or 3.11 for tfx-1.21 or Python 3.10 for tfx-1.16" in caught.value.expected
    assert "apt-get install python3-dev python3-venv" in caught.value.remedy


def test_glibc_older_than_every_set_is_refused() -> None:
    with pytest.raises(InputError, match=r"glibc 2\.28 or newer"):
        plan_installation((2, 27), [python("3.10.13")])


def test_glibc_of_a_supported_machine_is_parsed() -> None:
    assert parse_glibc("Linux", "x86_64", "glibc 2.36") == (2, 36)
    assert parse_glibc("Linux", "x86_64", "glibc 2.41.9000") == (2, 41)


@pytest.mark.parametrize(
    ("system", "machine", "libc"),
    [("Darwin", "arm64", ""), ("Linux", "aarch64", "glibc 2.41"), ("Linux", "x86_64", ""), ("Windows", "AMD64", "")],
)
def test_machine_without_wheels_is_refused_by_name(system: str, machine: str, libc: str) -> None:
    with pytest.raises(InputError, match="Linux on x86_64 with glibc") as caught:
        parse_glibc(system, machine, libc)

    assert f"{system} on {machine}" in caught.value.received


def test_glibc_of_this_machine_is_read() -> None:
    assert host_glibc() >= TFX_1_16.glibc


def test_description_names_set_reason_python_and_lock_file() -> None:
    text = describe(plan_installation(BOOKWORM, [python("3.10.13")]))

    for part in ("dependency set tfx-1.16", "glibc 2.36", "3.10.13", "requirements/tfx-1.16.txt"):
        assert part in text


@pytest.mark.parametrize("dependency_set", DEPENDENCY_SETS.values(), ids=lambda each: each.name)
def test_lock_file_has_exact_versions_with_hashes(dependency_set: DependencySet) -> None:
    text = (ROOT / dependency_set.lock).read_text(encoding="utf-8")
    entries = text.replace("\\\n", " ").splitlines()
    packages = [entry for entry in entries if entry and not entry.startswith("#")]

    assert len(packages) > 100
    assert [entry for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in text

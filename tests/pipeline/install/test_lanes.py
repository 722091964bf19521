"""The choice of a lane, for machines that are not this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.install import lanes
from pipeline.install.interpreters import Interpreter
from pipeline.install.lanes import LANE_A, LANE_B, choose, describe, glibc_of
from schemas.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
BOOKWORM, TRIXIE = (2, 36), (2, 41)


def python(version: str, *, complete: bool = True, where: str = "/usr/bin") -> Interpreter:
    return Interpreter(f"{where}/python{version}", version, "/usr/include", has_headers=complete, has_venv=True)


def test_an_older_c_library_takes_lane_a_with_python_3_10_only() -> None:
    choice = choose(BOOKWORM, [python("3.13.0"), python("3.11.2"), python("3.10.13")])

    assert (choice.lane, choice.interpreter.version) == (LANE_A, "3.10.13")
    assert "2.36" in choice.why
    assert "2.39" in choice.why


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (["3.11.2", "3.13.5", "3.12.1"], "3.13.5"),
        (["3.11.2", "3.12.1"], "3.12.1"),
        (["3.10.13", "3.11.2"], "3.11.2"),
    ],
)
def test_a_newer_c_library_takes_lane_b_with_the_newest_python(found: list[str], taken: str) -> None:
    choice = choose(TRIXIE, [python(version) for version in found])

    assert (choice.lane, choice.interpreter.version) == (LANE_B, taken)


def test_the_first_c_library_of_lane_b_is_2_39() -> None:
    both = [python("3.13.0"), python("3.10.13")]

    assert choose((2, 39), both).lane is LANE_B
    assert choose((2, 38), both).lane is LANE_A


def test_a_newer_c_library_with_python_3_10_alone_takes_lane_a() -> None:
    choice = choose(TRIXIE, [python("3.10.13")])

    assert choice.lane is LANE_A
    assert "no Python 3.13, 3.12 or 3.11 was found" in choice.why


def test_a_python_that_lacks_headers_yields_to_a_complete_one() -> None:
    bare, whole = python("3.13.5", complete=False), python("3.12.1")

    assert choose(TRIXIE, [bare, whole]).interpreter is whole
    assert choose(TRIXIE, [bare]).interpreter is bare


def test_among_equals_the_first_found_is_taken() -> None:
    first, second = python("3.13.5", where="/first"), python("3.13.5", where="/second")

    assert choose(TRIXIE, [first, second]).interpreter is first


def test_the_wanted_lane_is_taken_or_none() -> None:
    assert choose(TRIXIE, [python("3.13.5"), python("3.10.13")], "A").lane is LANE_A
    with pytest.raises(InputError, match=r"glibc 2\.39 or newer"):
        choose(BOOKWORM, [python("3.13.5"), python("3.10.13")], "B")


def test_no_fitting_python_says_what_was_looked_for_found_and_to_do() -> None:
    with pytest.raises(InputError) as caught:
        choose(BOOKWORM, [python("3.11.2")])

    assert "Python 3.10 for lane A" in caught.value.expected
    assert "3.11.2 (/usr/bin/python3.11.2)" in caught.value.received
    assert "PATH" in caught.value.received
    assert "pyenv install 3.10" in caught.value.remedy


def test_no_python_on_a_newer_system_names_its_packages() -> None:
    with pytest.raises(InputError) as caught:
        choose(TRIXIE, [])

    assert "Python 3.13, 3.12 or 3.11 for lane B or Python 3.10 for lane A" in caught.value.expected
    assert "apt-get install python3-dev python3-venv" in caught.value.remedy


def test_a_c_library_older_than_any_wheel_is_refused() -> None:
    with pytest.raises(InputError, match=r"glibc 2\.28 or newer"):
        choose((2, 27), [python("3.10.13")])


def test_the_c_library_of_a_supported_machine() -> None:
    assert glibc_of("Linux", "x86_64", "glibc 2.36") == (2, 36)
    assert glibc_of("Linux", "x86_64", "glibc 2.41.9000") == (2, 41)


@pytest.mark.parametrize(
    ("system", "machine", "libc"),
    [("Darwin", "arm64", ""), ("Linux", "aarch64", "glibc 2.41"), ("Linux", "x86_64", ""), ("Windows", "AMD64", "")],
)
def test_a_machine_without_wheels_is_refused_by_name(system: str, machine: str, libc: str) -> None:
    with pytest.raises(InputError, match="Linux on x86_64 with glibc") as caught:
        glibc_of(system, machine, libc)

    assert f"{system} on {machine}" in caught.value.received


def test_this_machine_has_a_c_library_that_is_read() -> None:
    assert lanes.host_glibc() >= LANE_A.glibc


def test_the_description_names_lane_reason_python_and_lock_file() -> None:
    text = describe(choose(BOOKWORM, [python("3.10.13")]))

    for part in ("lane A", "glibc 2.36", "3.10.13", "requirements/lane-a.txt"):
        assert part in text


@pytest.mark.parametrize("lane", lanes.LANES.values(), ids=lambda lane: lane.name)
def test_every_lane_has_a_lock_file_of_exact_versions_with_hashes(lane: lanes.Lane) -> None:
    text = (ROOT / lane.lock).read_text(encoding="utf-8")
    entries = text.replace("\\\n", " ").splitlines()
    packages = [entry for entry in entries if entry and not entry.startswith("#")]

    assert len(packages) > 100
    assert [entry for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in text

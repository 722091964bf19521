"""The two lanes: which exact set of packages this machine takes, with which Python, and why.

Standard library only, for it runs before anything is installed:
`python3 -m pipeline.install.lanes` prints the choice. docs/lanes.md tells users.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.install.interpreters import Interpreter, find_interpreters
from schemas.errors import InputError


@dataclass(frozen=True)
class Lane:
    """A set of packages that was tested together.

    Args:
        name: `A` or `B`.
        lock: its lock file, relative to the repository.
        pythons: the Python series that it takes, the preferred first.
        glibc: the oldest C library that its wheels load on.
        stack: what it brings, for people.
    """

    name: str
    lock: str
    pythons: tuple[str, ...]
    glibc: tuple[int, int]
    stack: str


LANE_A = Lane("A", "requirements/lane-a.txt", ("3.10",), (2, 28), "TFX 1.16, TensorFlow 2.16")
LANE_B = Lane("B", "requirements/lane-b.txt", ("3.13", "3.12", "3.11"), (2, 39), "TFX 1.21, TensorFlow 2.21")
LANES = {lane.name: lane for lane in (LANE_B, LANE_A)}  # the preferred first


@dataclass(frozen=True)
class Choice:
    """The lane that a machine takes, the Python for it, and the reason in one sentence."""

    lane: Lane
    interpreter: Interpreter
    why: str


def choose(glibc: tuple[int, int], interpreters: Sequence[Interpreter], wanted: str | None = None) -> Choice:
    """The lane and the Python to use.

    Lane B where the C library is new enough and one of its Pythons was found,
    else lane A. Of a lane's Pythons, the newest that lacks nothing for the
    installation, else the newest.

    Args:
        glibc: the machine's.
        interpreters: what was found, the preferred first among equals.
        wanted: take this lane or none.

    Raises:
        InputError: no lane fits.
    """
    possible = [lane for lane in LANES.values() if glibc >= lane.glibc and wanted in (None, lane.name)]
    for lane in possible:
        fitting = [found for found in interpreters if found.series in lane.pythons]
        if fitting:
            best = min(fitting, key=lambda i: (not (i.has_headers and i.has_venv), lane.pythons.index(i.series)))
            return Choice(lane, best, _why(lane, glibc, wanted))
    raise _nothing_fits(glibc, interpreters, possible, wanted)


def _why(lane: Lane, glibc: tuple[int, int], wanted: str | None) -> str:
    if wanted:
        return "it was asked for"
    if lane is LANE_B:
        return f"glibc {_dotted(glibc)} is {_dotted(LANE_B.glibc)} or newer, as the wheels of TFX 1.17 and later need"
    if glibc >= LANE_B.glibc:
        return f"no Python {_either(LANE_B.pythons)} was found, as lane B takes"
    return f"glibc {_dotted(glibc)} is older than {_dotted(LANE_B.glibc)}, which the wheels of TFX 1.17 and later need"


def _nothing_fits(
    glibc: tuple[int, int], interpreters: Sequence[Interpreter], possible: list[Lane], wanted: str | None
) -> InputError:
    if not possible:
        needed = LANES[wanted].glibc if wanted else LANE_A.glibc
        return InputError(
            expected=f"glibc {_dotted(needed)} or newer, which {f'lane {wanted}' if wanted else 'TFX'} needs",
            received=f"glibc {_dotted(glibc)}",
            remedy="use a newer system, or a container of one (Debian 13 and Ubuntu 24.04 take lane B)",
        )
    found = ", ".join(f"{found.version} ({found.executable})" for found in interpreters) or "none of 3.10 to 3.13"
    remedy = "install Python 3.10 with its headers: `apt-get install python3.10-dev python3.10-venv` on Ubuntu 22.04, "
    remedy += "else `pyenv install 3.10` or `uv python install 3.10`"
    if LANE_B in possible:
        remedy = "install Python with its headers: `apt-get install python3-dev python3-venv` on Debian 13 or Ubuntu "
        remedy += "24.04, else `pyenv install 3.13` or `uv python install 3.13`"
    return InputError(
        expected=" or ".join(f"Python {_either(lane.pythons)} for lane {lane.name}" for lane in possible)
        + f" (glibc {_dotted(glibc)})",
        received=f"{found}, after looking in PATH, pyenv's versions and uv's Pythons",
        remedy=remedy,
    )


def all_pythons() -> list[str]:
    """The Python series that any lane takes, the preferred first."""
    return [series for lane in LANES.values() for series in lane.pythons]


def glibc_of(system: str, machine: str, libc: str) -> tuple[int, int]:
    """The version of the C library, on a machine that TFX has wheels for.

    Args:
        system: like `Linux`.
        machine: the processor, like `x86_64`.
        libc: what the C library says of itself, like `glibc 2.36`; empty when it is another one.

    Raises:
        InputError: no lane installs on such a machine.
    """
    name, _, version = libc.partition(" ")
    if system == "Linux" and machine == "x86_64" and name == "glibc":
        major, minor = version.split(".")[:2]
        return int(major), int(minor)
    raise InputError(
        expected="Linux on x86_64 with glibc: the lock files are for it, and on Linux tfx-bsl has wheels for no other",
        received=f"{system} on {machine}" + ("" if system != "Linux" or name == "glibc" else " without glibc"),
        remedy="use such a machine, WSL 2, or a linux/amd64 container of Debian 13 or Ubuntu 24.04",
    )


def host_glibc() -> tuple[int, int]:
    """`glibc_of` this machine."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError):  # not Linux, or another C library
        libc = ""
    return glibc_of(platform.system(), platform.machine(), libc)


def _either(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def describe(choice: Choice) -> str:
    """The choice in two lines, for people."""
    python = choice.interpreter
    return (
        f"lane {choice.lane.name} ({choice.lane.stack}): {choice.why}\n"
        f"Python {python.version} at {python.executable}, packages from {choice.lane.lock}"
    )


def main() -> int:
    """Prints the choice for this machine; returns the exit code."""
    try:
        print(describe(choose(host_glibc(), find_interpreters(os.environ, all_pythons()))))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Choose the dependency set that fits a machine: exact package versions that were tested together, and a Python.

Standard library only, because it runs before anything is installed.
`python3 -m pipeline.install.dependency_sets` prints the choice; docs/dependency-sets.md is the guide.
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
class DependencySet:
    """Packages that were tested together.

    Args:
        name: `tfx-1.16` or `tfx-1.21`.
        pythons: the supported Python series, the preferred one first.
        glibc: the oldest C library that can load its wheels.
        stack: its main packages, for people.
    """

    name: str
    pythons: tuple[str, ...]
    glibc: tuple[int, int]
    stack: str

    @property
    def lock(self) -> str:
        """The path of its lock file, relative to the repository."""
        return f"requirements/{self.name}.txt"


TFX_1_16 = DependencySet("tfx-1.16", ("3.10",), (2, 28), "TFX 1.16, TensorFlow 2.16")
TFX_1_21 = DependencySet("tfx-1.21", ("3.13", "3.12", "3.11"), (2, 39), "TFX 1.21, TensorFlow 2.21")
DEPENDENCY_SETS = {each.name: each for each in (TFX_1_21, TFX_1_16)}  # the preferred one first


@dataclass(frozen=True)
class InstallationPlan:
    """The dependency set and the Python to install, with the reason in one sentence."""

    dependency_set: DependencySet
    interpreter: Interpreter
    reason: str


def plan_installation(
    glibc: tuple[int, int], interpreters: Sequence[Interpreter], wanted: str | None = None
) -> InstallationPlan:
    """Choose the dependency set and the Python to install.

    The newer set is preferred. It needs a recent C library and one of its
    Pythons. Among the Pythons of a set, a complete installation (with headers
    and `venv`) comes before an incomplete one, and a newer series before an
    older one.

    Args:
        glibc: the machine's C library, like `(2, 36)`.
        interpreters: the Pythons that were found, the preferred one first.
        wanted: the name of the only set to consider; None for all.

    Returns:
        The plan.

    Raises:
        InputError: no dependency set fits the machine.

    Example:
        >>> python = Interpreter("/usr/bin/python3.13", "3.13.5", "/usr/include", has_headers=True, has_venv=True)
        >>> plan_installation((2, 41), [python]).dependency_set.name
        'tfx-1.21'
    """
    possible = [each for each in DEPENDENCY_SETS.values() if glibc >= each.glibc and wanted in (None, each.name)]
    for dependency_set in possible:
        order = dependency_set.pythons
        fitting = [found for found in interpreters if found.series in order]
        if fitting:
            best = min(fitting, key=lambda i: (not (i.has_headers and i.has_venv), order.index(i.series)))
            return InstallationPlan(dependency_set, best, _reason(dependency_set, glibc, wanted))
    raise _nothing_fits(glibc, interpreters, possible, wanted)


def _reason(chosen: DependencySet, glibc: tuple[int, int], wanted: str | None) -> str:
    newest = _dotted(TFX_1_21.glibc)
    if wanted:
        return "it was requested"
    if chosen is TFX_1_21:
        return f"glibc {_dotted(glibc)} is {newest} or newer, as the wheels of TFX 1.17 and later require"
    if glibc >= TFX_1_21.glibc:
        return f"found no Python {_either(TFX_1_21.pythons)}, which {TFX_1_21.name} requires"
    return f"glibc {_dotted(glibc)} is older than {newest}, which the wheels of TFX 1.17 and later require"


def _nothing_fits(
    glibc: tuple[int, int], interpreters: Sequence[Interpreter], possible: list[DependencySet], wanted: str | None
) -> InputError:
    if not possible:
        needed = DEPENDENCY_SETS[wanted].glibc if wanted else TFX_1_16.glibc
        return InputError(
            expected=f"glibc {_dotted(needed)} or newer, which {wanted or 'TFX'} requires",
            received=f"glibc {_dotted(glibc)}",
            remedy="use a newer system or a container of one: Debian 13 and Ubuntu 24.04 can install every set",
        )
    found = ", ".join(f"{found.version} ({found.executable})" for found in interpreters) or "none of 3.10 to 3.13"
    remedy = "install Python 3.10 with its headers: `apt-get install python3.10-dev python3.10-venv` on Ubuntu 22.04, "
    remedy += "else `pyenv install 3.10` or `uv python install 3.10`"
    if TFX_1_21 in possible:
        remedy = "install Python with its headers: `apt-get install python3-dev python3-venv` on Debian 13 or Ubuntu "
        remedy += "24.04, else `pyenv install 3.13` or `uv python install 3.13`"
    return InputError(
        expected=" or ".join(f"Python {_either(each.pythons)} for {each.name}" for each in possible)
        + f" (glibc {_dotted(glibc)})",
        received=f"{found}; searched PATH, pyenv's versions and uv's Pythons",
        remedy=remedy,
    )


def supported_pythons() -> list[str]:
    """Return the Python series of all dependency sets, the preferred one first."""
    return [series for each in DEPENDENCY_SETS.values() for series in each.pythons]


def parse_glibc(system: str, machine: str, libc: str) -> tuple[int, int]:
    """Return the version of the C library of a machine that TFX has wheels for.

    Args:
        system: the operating system, like `Linux`.
        machine: the processor, like `x86_64`.
        libc: name and version of the C library, like `glibc 2.36`; empty when it is unknown.

    Returns:
        Major and minor version.

    Raises:
        InputError: TFX has no wheels for such a machine.

    Example:
        >>> parse_glibc("Linux", "x86_64", "glibc 2.36")
        (2, 36)
    """
    name, _, version = libc.partition(" ")
    if system == "Linux" and machine == "x86_64" and name == "glibc":
        major, minor = version.split(".")[:2]
        return int(major), int(minor)
    raise InputError(
        expected="Linux on x86_64 with glibc: tfx-bsl has no Linux wheels for other processors or C libraries",
        received=f"{system} on {machine}" + ("" if system != "Linux" or name == "glibc" else " without glibc"),
        remedy="use such a machine, WSL 2, or a linux/amd64 container of Debian 13 or Ubuntu 24.04",
    )


def host_glibc() -> tuple[int, int]:
    """Return `parse_glibc` of this machine."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError):  # another system, or another C library
        libc = ""
    return parse_glibc(platform.system(), platform.machine(), libc)


def _either(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def describe(plan: InstallationPlan) -> str:
    """Return the plan as two lines of text.

    Args:
        plan: what to install.

    Returns:
        The set with the reason for it, then the Python and the lock file.
    """
    python, chosen = plan.interpreter, plan.dependency_set
    return (
        f"dependency set {chosen.name} ({chosen.stack}): {plan.reason}\n"
        f"Python {python.version} at {python.executable}, packages from {chosen.lock}"
    )


def main() -> int:
    """Print the choice for this machine.

    Returns:
        The exit code: 0, or 2 when no set fits.
    """
    try:
        print(describe(plan_installation(host_glibc(), find_interpreters(os.environ, supported_pythons()))))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Check the machine: setup does so before it downloads anything, and `temporec doctor` at any time.

Standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.install.interpreters import Interpreter

OK, WARN, FAIL = "ok", "warn", "fail"

ENVIRONMENT_GB = 5.5  # 4 GB for the environment, the rest for packages while they are being installed


@dataclass(frozen=True)
class MachineCheck:
    """The result of one check.

    Args:
        name: the subject of the check.
        status: `ok`, `warn` or `fail`.
        found: what the check found.
        remedy: what to do; empty when nothing is needed.
    """

    name: str
    status: str
    found: str
    remedy: str = ""


_PROGRAM = "#include <string>\nint main() { return std::string(1, 'x').size() == 1 ? 0 : 1; }\n"
_COMPILERS = {"g++": "gcc", "c++": "cc", "clang++": "clang"}


def find_compiler(environ: Mapping[str, str]) -> dict[str, str] | None:
    """Find the first C++ compiler that compiles a program: the user's own `CXX`, then the usual names.

    Args:
        environ: the environment variables, of which `PATH`, `CXX` and `CC` matter.

    Returns:
        The values for `CXX` and `CC` (the latter only when known); None when no compiler works.
    """
    own = environ.get("CXX")
    pairs = [(own, environ.get("CC"))] if own else []
    for cxx, cc in [*pairs, *_COMPILERS.items()]:
        if _compiles(shlex.split(cxx), environ):
            return {"CXX": cxx, "CC": cc} if cc else {"CXX": cxx}
    return None


def _compiles(command: list[str], environ: Mapping[str, str]) -> bool:
    path = shutil.which(command[0], path=environ.get("PATH", ""))
    if path is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "program.cc")
        source.write_text(_PROGRAM, encoding="utf-8")
        compile_it = [path, *command[1:], str(source), "-o", str(Path(folder, "program"))]
        try:
            return (
                subprocess.run(compile_it, check=False, capture_output=True, timeout=120, env=environ).returncode == 0
            )
        except (OSError, subprocess.TimeoutExpired):
            return False


def check_compiler(environ: Mapping[str, str]) -> MachineCheck:
    """Check that a C++ compiler works, because pyfarmhash has no wheel."""
    compiler = find_compiler(environ)
    if compiler:
        return MachineCheck("C++ compiler", OK, compiler["CXX"])
    tried = [environ["CXX"]] if environ.get("CXX") else []
    return MachineCheck(
        "C++ compiler",
        FAIL,
        f"none of {', '.join([*tried, *_COMPILERS])} compiles a program; pyfarmhash has no wheel and must be compiled",
        "apt-get install g++ (Debian, Ubuntu), or set CXX to the compiler",
    )


def check_headers(python: Interpreter) -> MachineCheck:
    """Check the C headers of the Python that makes the environment."""
    if python.has_headers:
        return MachineCheck("Python headers", OK, python.include)
    return MachineCheck(
        "Python headers",
        FAIL,
        f"no Python.h in {python.include}; pyfarmhash has no wheel and must be compiled",
        f"apt-get install python{python.series}-dev (Debian, Ubuntu), or use a Python that includes its headers",
    )


def check_venv(python: Interpreter) -> MachineCheck:
    """Check the modules `venv` and `ensurepip`, which Debian packages separately."""
    if python.has_venv:
        return MachineCheck("Python venv", OK, f"venv and ensurepip of Python {python.version}")
    return MachineCheck(
        "Python venv",
        FAIL,
        f"{python.executable} lacks the module venv or ensurepip",
        f"apt-get install python{python.series}-venv (Debian, Ubuntu)",
    )


def check_disk(folder: Path, needed_gb: float) -> MachineCheck:
    """Check the free space on the disk of a folder, in GB of 10^9 bytes."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb >= needed_gb:
        return MachineCheck("disk", OK, f"{free_gb:.1f} GB free")
    return MachineCheck(
        "disk",
        FAIL,
        f"{free_gb:.1f} GB free on the disk of {folder}, {needed_gb:g} GB are needed",
        "free some space, or use a larger disk",
    )


def check_writable(folder: Path) -> MachineCheck:
    """Check that files can be made in a folder."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return MachineCheck("writable", OK, str(folder))
    except OSError as error:
        return MachineCheck(
            "writable",
            FAIL,
            f"{folder}: {error.strerror}",
            "use a folder of your own, or change its owner or permissions",
        )


def check_cores() -> MachineCheck:
    """Check the processor cores that this process may use."""
    cores = len(os.sched_getaffinity(0))
    if cores > 1:
        return MachineCheck("cores", OK, str(cores))
    return MachineCheck("cores", WARN, str(cores), "temporec works, but training takes about twice as long as with two")


def check_memory(needed_gb: float) -> MachineCheck:
    """Check the memory of the machine, or the limit of its control group (container) if lower, in GB of 10^9 bytes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such control group, or `max`
        limit = total
    total_gb = min(total, limit) / 1e9
    if total_gb >= needed_gb:
        return MachineCheck("memory", OK, f"{total_gb:.1f} GB")
    return MachineCheck(
        "memory", WARN, f"{total_gb:.1f} GB, less than {needed_gb:g}", "logs larger than MovieLens-1M may not fit"
    )

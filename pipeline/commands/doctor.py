"""`temporec doctor`: check whether this machine can run temporec, and find what is missing."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.markup import escape
from rich.table import Table

from pipeline.install import dependency_sets, machine_checks
from pipeline.install.dependency_sets import DependencySet
from pipeline.install.interpreters import probe
from pipeline.install.machine_checks import FAIL, OK, WARN, MachineCheck
from schemas.errors import InputError

RUN_GB = 1.0  # a run on a log of a million rows, with its artifacts
RUN_MEMORY_GB = 4.0
IMPORT_TIMEOUT_S = 240
REINSTALL = "make setup"
_SHOWN = 8


@dataclass(frozen=True)
class Diagnosis:
    """All checks, in the order in which they were made."""

    checks: tuple[MachineCheck, ...]

    @property
    def able(self) -> bool:
        """Whether no check failed."""
        return all(check.status != FAIL for check in self.checks)


def diagnose(root: Path | None = None) -> Diagnosis:
    """Check the machine and the running environment; importing TFX takes about 20 seconds.

    Args:
        root: the repository that contains the lock files; by default the one of this file.

    Returns:
        All checks.
    """
    root = root or Path(__file__).resolve().parents[2]
    used = next((each for each in dependency_sets.DEPENDENCY_SETS.values() if _series() in each.pythons), None)
    return Diagnosis(
        (
            *check_platform(used),
            check_python(used),
            *check_toolchain(Path(sys.executable)),
            machine_checks.check_memory(RUN_MEMORY_GB),
            machine_checks.check_cores(),
            check_packages(root, used),
            *check_imports(sys.executable),
            *check_working_directory(),
        )
    )


def check_platform(used: DependencySet | None) -> list[MachineCheck]:
    """Check the processor, and that the C library can load the packages.

    Args:
        used: the dependency set of the running Python; None when no set supports it.

    Returns:
        One check, or two when the C library is known.
    """
    machine = MachineCheck("platform", OK, f"{platform.system()} on {platform.machine()}")
    try:
        glibc = dependency_sets.host_glibc()
    except InputError as error:
        return [replace(machine, status=FAIL, found=error.received, remedy=error.remedy)]
    name, found = "glibc and dependency set", f"glibc {glibc[0]}.{glibc[1]}"
    if used is None:
        return [machine, MachineCheck(name, WARN, f"{found}, no dependency set", REINSTALL)]
    found += f", {used.name} ({used.stack})"
    if glibc < used.glibc:
        return [machine, MachineCheck(name, FAIL, found, f"make setup SET={dependency_sets.TFX_1_16.name}")]
    return [machine, MachineCheck(name, OK, found)]


def check_python(used: DependencySet | None) -> MachineCheck:
    """Check the version of the running Python.

    Args:
        used: the dependency set of the running Python; None when no set supports it.

    Returns:
        The check.
    """
    found = f"{platform.python_version()} at {sys.executable}"
    if used:
        return MachineCheck("Python", OK, found)
    supported = ", ".join(dependency_sets.supported_pythons())
    return MachineCheck("Python", FAIL, f"{found}; supported are {supported}", REINSTALL)


def check_toolchain(python: Path) -> list[MachineCheck]:
    """Check the compiler and the headers, which only the next setup needs: at most a warning.

    Args:
        python: the executable of the environment.

    Returns:
        A check of the compiler, and one of the headers when the Python runs.
    """
    interpreter = probe(python)
    made = [
        machine_checks.check_compiler(os.environ),
        *([machine_checks.check_headers(interpreter)] if interpreter else []),
    ]
    return [
        replace(check, status=WARN, found=f"{check.found} (needed by setup only)") if check.status == FAIL else check
        for check in made
    ]


def check_working_directory() -> list[MachineCheck]:
    """Check that the working directory exists, takes files and has space for a run.

    Returns:
        Checks of the disk and of writing, or one failed check when the directory was deleted.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        remedy = "change to an existing folder, for example with: cd ~"
        return [MachineCheck("working directory", FAIL, "it was deleted", remedy)]
    return [machine_checks.check_disk(folder, RUN_GB), machine_checks.check_writable(folder)]


def locked_versions(lock: str) -> dict[str, str]:
    """Read the versions of a lock file that apply to the running Python.

    Args:
        lock: the text of the lock file.

    Returns:
        Versions by canonical package name.
    """
    lines = (line.rstrip("\\").strip() for line in lock.splitlines())
    requirements = (Requirement(line) for line in lines if line and not line.startswith(("#", "--")))
    return {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def package_differences(locked: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """Describe each locked package that is missing or has another version.

    Args:
        locked: versions by package name.
        installed: the same; packages that are not locked do not matter.

    Returns:
        A text for each difference, sorted by name.
    """
    return [
        f"{name} {installed[name]} instead of {version}" if name in installed else f"{name} {version} missing"
        for name, version in sorted(locked.items())
        if installed.get(name) != version
    ]


def check_packages(root: Path, used: DependencySet | None) -> MachineCheck:
    """Compare the installed packages with the lock file.

    Args:
        root: the repository.
        used: the dependency set of the running Python; None when no set supports it.

    Returns:
        The check, which lists the first differences.
    """
    if used is None or not (root / used.lock).is_file():
        return MachineCheck("packages", WARN, f"no lock file for this Python in {root}", "run in a clone of temporec")
    locked = locked_versions((root / used.lock).read_text(encoding="utf-8"))
    installed = {str(canonicalize_name(package.name)): package.version for package in metadata.distributions()}
    differing = package_differences(locked, installed)
    if not differing:
        return MachineCheck("packages", OK, f"all {len(locked)} as in {used.lock}")
    more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return MachineCheck("packages", FAIL, f"{', '.join(differing[:_SHOWN])}{more} ({used.lock})", REINSTALL)


_IMPORTS = """
import sys, time
sys.path.pop(0)  # the working directory, from which `temporec` imports nothing

def answer(name, *values):
    print("answer", name, *values, flush=True)

started = time.monotonic()
import pipeline
import tensorflow
answer("tensorflow", tensorflow.__version__, round(time.monotonic() - started, 1))
answer("keras", tensorflow.keras.Model.__module__)
import pipeline.runners.local
from tfx import version
answer("tfx", version.__version__, round(time.monotonic() - started, 1))
import trainer.run_fn
answer("trainer", round(time.monotonic() - started, 1))
"""


def check_imports(python: str, timeout_s: float = IMPORT_TIMEOUT_S) -> list[MachineCheck]:
    """Import in a new process what `temporec run` imports: TensorFlow, Keras 2, TFX, the runner and the trainer.

    Args:
        python: the executable of the environment.
        timeout_s: the time limit of all imports together, in seconds.

    Returns:
        A check for each import, up to the first one that fails.
    """
    ran_out, environ = False, {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        command = [python, "-c", _IMPORTS]
        ran = subprocess.run(command, check=False, capture_output=True, timeout=timeout_s, env=environ)
        output, errors, code = ran.stdout, ran.stderr, ran.returncode
    except subprocess.TimeoutExpired as expired:
        ran_out, output, errors, code = True, expired.stdout or b"", b"", 0
    answers = {line.split()[1]: line.split()[2:] for line in output.decode().splitlines() if line.startswith("answer ")}
    reason = (errors.decode(errors="replace").strip().splitlines() or [f"exit code {code}"])[-1]
    made: list[MachineCheck] = []
    for name, title in (
        ("tensorflow", "TensorFlow"),
        ("keras", "legacy Keras"),
        ("tfx", "TFX"),
        ("trainer", "trainer"),
    ):
        if name not in answers and ran_out:
            found, remedy = f"its import did not end within {timeout_s:g} s", "check the load and the free memory"
            return [*made, MachineCheck(title, FAIL, found, remedy)]
        if name not in answers:
            return [*made, MachineCheck(title, FAIL, f"its import failed: {reason}", REINSTALL)]
        made.append(_imported(title, answers[name]))
    return made


def _imported(title: str, answer: list[str]) -> MachineCheck:
    if title != "legacy Keras":
        return MachineCheck(title, OK, ", ".join([*answer[:-1], f"imported after {answer[-1]} s"]))
    if answer[0].startswith("tf_keras."):
        return MachineCheck(title, OK, "tf_keras")
    return MachineCheck(title, FAIL, f"{answer[0]}, but the trainer needs tf_keras", REINSTALL)


def diagnosis_table(diagnosis: Diagnosis) -> Table:
    """Format a diagnosis for a terminal.

    Args:
        diagnosis: all checks.

    Returns:
        A table with a row for each check.
    """
    title = "this machine can run temporec" if diagnosis.able else "this machine cannot run temporec yet"
    colours = {OK: "green", WARN: "yellow", FAIL: "red"}
    table = Table("check", "", "found", "what to do", title=title)
    for check in diagnosis.checks:
        table.add_row(
            check.name, f"[{colours[check.status]}]{check.status}[/]", escape(check.found), escape(check.remedy)
        )
    return table


def diagnosis_json(diagnosis: Diagnosis) -> str:
    """Format a diagnosis for a program.

    Args:
        diagnosis: all checks.

    Returns:
        `{"able": bool, "checks": [{"name", "status", "found", "remedy"}]}`.
    """
    checks = [asdict(check) for check in diagnosis.checks]
    return json.dumps({"able": diagnosis.able, "checks": checks}, indent=2)


def _series() -> str:
    return ".".join(platform.python_version_tuple()[:2])

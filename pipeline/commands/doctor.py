"""Is this machine able to run temporec, and what is missing: `temporec doctor`."""

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

from pipeline.install import lanes, machine_checks
from pipeline.install.interpreters import probe
from pipeline.install.machine_checks import FAIL, OK, WARN, MachineCheck
from schemas.errors import InputError

RUN_GB = 1.0  # a run on a log of a million rows, with its artifacts
RUN_MEMORY_GB = 4.0
IMPORT_TIMEOUT_S = 180
REINSTALL = "make setup"
_SHOWN = 8


@dataclass(frozen=True)
class Diagnosis:
    """All checks, in the order they were made."""

    checks: tuple[MachineCheck, ...]

    @property
    def able(self) -> bool:
        """Whether no check failed."""
        return all(check.status != FAIL for check in self.checks)


def diagnose(root: Path | None = None) -> Diagnosis:
    """Looks at the machine and at the environment that this runs in; takes some seconds, to import TensorFlow.

    Args:
        root: the repository, for its lock files; the one that this file lies in by default.
    """
    root = root or Path(__file__).resolve().parents[2]
    lane = next((lane for lane in lanes.LANES.values() if _series() in lane.pythons), None)
    return Diagnosis(
        (
            *check_platform(lane),
            check_python(lane),
            *check_toolchain(Path(sys.executable)),
            machine_checks.check_disk(Path.cwd(), RUN_GB),
            machine_checks.check_memory(RUN_MEMORY_GB),
            machine_checks.check_cores(),
            check_packages(root, lane),
            *check_tensorflow(sys.executable),
            machine_checks.check_writable(Path.cwd()),
        )
    )


def check_platform(lane: lanes.Lane | None) -> list[MachineCheck]:
    """Processor and C library, and whether the lane in use loads on them."""
    machine = f"{platform.system()} on {platform.machine()}"
    try:
        glibc = lanes.host_glibc()
    except InputError as error:
        return [MachineCheck("platform", FAIL, error.received, error.remedy)]
    found = f"glibc {glibc[0]}.{glibc[1]}"
    if lane is None:
        return [
            MachineCheck("platform", OK, machine),
            MachineCheck("glibc and lane", WARN, f"{found}, no lane", REINSTALL),
        ]
    found += f", lane {lane.name} ({lane.stack})"
    if glibc < lane.glibc:
        return [MachineCheck("platform", OK, machine), MachineCheck("glibc and lane", FAIL, found, "make setup LANE=A")]
    return [MachineCheck("platform", OK, machine), MachineCheck("glibc and lane", OK, found)]


def check_python(lane: lanes.Lane | None) -> MachineCheck:
    """The Python that this runs in."""
    found = f"{platform.python_version()} at {sys.executable}"
    if lane:
        return MachineCheck("Python", OK, found)
    return MachineCheck("Python", FAIL, f"{found}; the lanes take {', '.join(lanes.all_pythons())}", REINSTALL)


def check_toolchain(python: Path) -> list[MachineCheck]:
    """Compiler and headers, at most a warning: an environment that is there needs none, only the next setup does."""
    interpreter = probe(python)
    made = [
        machine_checks.check_compiler(os.environ),
        *([machine_checks.check_headers(interpreter)] if interpreter else []),
    ]
    return [
        replace(check, status=WARN, found=f"{check.found} (needed by setup only)") if check.status == FAIL else check
        for check in made
    ]


def locked_versions(lock: str) -> dict[str, str]:
    """The versions that a lock file holds for the running Python, by canonical name."""
    lines = (line.rstrip("\\").strip() for line in lock.splitlines())
    requirements = (Requirement(line) for line in lines if line and not line.startswith(("#", "--")))
    return {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def compare(locked: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """Each locked package that is missing or of another version, in words; packages beside the lock do not matter."""
    return [
        f"{name} {installed[name]} instead of {version}" if name in installed else f"{name} {version} missing"
        for name, version in sorted(locked.items())
        if installed.get(name) != version
    ]


def check_packages(root: Path, lane: lanes.Lane | None) -> MachineCheck:
    """The installed packages against the lane's lock file."""
    if lane is None or not (root / lane.lock).is_file():
        return MachineCheck(
            "packages", WARN, f"no lock file for this Python in {root}", "run it in a clone of the repository"
        )
    locked = locked_versions((root / lane.lock).read_text(encoding="utf-8"))
    installed = {str(canonicalize_name(package.name)): package.version for package in metadata.distributions()}
    differing = compare(locked, installed)
    if not differing:
        return MachineCheck("packages", OK, f"all {len(locked)} as in {lane.lock}")
    more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return MachineCheck("packages", FAIL, f"{', '.join(differing[:_SHOWN])}{more} ({lane.lock})", REINSTALL)


_IMPORT = """
import time
started = time.monotonic()
import tensorflow
print("answer tensorflow", tensorflow.__version__, round(time.monotonic() - started, 1), flush=True)
print("answer keras", tensorflow.keras.Model.__module__)
"""


def check_tensorflow(python: str, timeout_s: float = IMPORT_TIMEOUT_S) -> list[MachineCheck]:
    """Imports TensorFlow with its legacy Keras, as the trainer does, in a process of its own."""
    environ = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [python, "-c", _IMPORT]
    try:
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout_s, env=environ)
    except subprocess.TimeoutExpired:
        return [
            MachineCheck(
                "TensorFlow", FAIL, f"its import did not end within {timeout_s:g} s", "look at load and memory"
            )
        ]
    answers = {line.split()[1]: line.split()[2:] for line in ran.stdout.splitlines() if line.startswith("answer ")}
    reason = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]
    if "tensorflow" not in answers:
        return [MachineCheck("TensorFlow", FAIL, f"its import failed: {reason}", REINSTALL)]
    version, seconds = answers["tensorflow"]
    found = [MachineCheck("TensorFlow", OK, f"{version}, imported in {seconds} s")]
    keras = " ".join(answers.get("keras", [reason]))
    if keras.startswith("tf_keras."):
        return [*found, MachineCheck("legacy Keras", OK, "tf_keras")]
    return [*found, MachineCheck("legacy Keras", FAIL, f"{keras}, where the trainer needs tf_keras", REINSTALL)]


def report_table(report: Diagnosis) -> Table:
    """The report for a terminal."""
    colours = {OK: "green", WARN: "yellow", FAIL: "red"}
    table = Table("check", "", "found", "what to do", title="able to run" if report.able else "not able to run")
    for check in report.checks:
        table.add_row(
            check.name, f"[{colours[check.status]}]{check.status}[/]", escape(check.found), escape(check.remedy)
        )
    return table


def report_json(report: Diagnosis) -> str:
    """The report for a program: `{"able": bool, "checks": [{"name", "status", "found", "remedy"}]}`."""
    return json.dumps({"able": report.able, "checks": [asdict(check) for check in report.checks]}, indent=2)


def _series() -> str:
    return ".".join(platform.python_version_tuple()[:2])

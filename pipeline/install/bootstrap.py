"""Make a ready `.venv` from nothing: choose the dependency set, check the machine, install the lock file.

Standard library only: `make setup` calls `python3 -m pipeline.install.bootstrap`.
A ready environment is kept. Any other (incomplete, of another lock file,
moved) is removed and made again, so a second call repairs it.
Exit codes: 0 ready, 1 an installation step failed, 2 the machine lacks something.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.install import dependency_sets, machine_checks
from pipeline.install.environment import RERUN, Installation, StepFailed, find_ready_set
from pipeline.install.interpreters import find_interpreters
from schemas.errors import InputError


def check_machine(
    root: Path, wanted: str | None, environ: Mapping[str, str]
) -> tuple[dependency_sets.InstallationPlan | None, list[str]]:
    """Choose what to install and look for everything that the machine lacks.

    Args:
        root: the repository.
        wanted: the name of the only dependency set to consider; None for all.
        environ: the environment variables.

    Returns:
        The plan, or None when no dependency set fits; and a text for each problem, with its remedy.
    """
    checks = [machine_checks.check_compiler(environ), machine_checks.check_writable(root)]
    checks.append(machine_checks.check_disk(root, machine_checks.ENVIRONMENT_GB))
    problems, plan = [], None
    try:
        found = find_interpreters(environ, dependency_sets.supported_pythons())
        plan = dependency_sets.plan_installation(dependency_sets.host_glibc(), found, wanted)
        checks += [machine_checks.check_headers(plan.interpreter), machine_checks.check_venv(plan.interpreter)]
    except InputError as error:
        problems.append(f"expected {error.expected}\nreceived {error.received}\n{error.remedy}")
    problems += [
        f"{check.name}: {check.found}\n{check.remedy}" for check in checks if check.status == machine_checks.FAIL
    ]
    return plan, problems


@contextlib.contextmanager
def _lock_clone(root: Path) -> Iterator[int]:
    """Wait until no other setup runs in this clone, then yield the descriptor of the lock."""
    descriptor = os.open(root / "requirements", os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another setup is running in this clone: waiting until it ends", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_ready(root: Path, wanted: str | None) -> bool:
    ready = find_ready_set(root)
    if ready is None or wanted not in (None, ready.name):
        return False
    print(f"environment is ready: dependency set {ready.name} ({ready.stack}) in .venv")
    return True


def setup(root: Path, wanted: str | None, check_only: bool) -> int:
    """Make the environment unless it is ready.

    Args:
        root: the repository.
        wanted: the name of the dependency set to install; None to choose the one that fits the machine.
        check_only: check the machine, but install nothing.

    Returns:
        The exit code.

    Raises:
        StepFailed: an installation step failed.
    """
    if not check_only and _is_ready(root, wanted):
        return 0
    plan, problems = check_machine(root, wanted, os.environ)
    if plan:
        print(dependency_sets.describe(plan), flush=True)
    if problems or plan is None:
        listed = "\n".join(f"- {problem}".replace("\n", "\n  ") for problem in problems)
        print(f"setup cannot start, nothing was downloaded:\n{listed}", file=sys.stderr)
        return 2
    if check_only:
        return 0
    with _lock_clone(root) as lock:
        if _is_ready(root, wanted):
            return 0
        started = time.monotonic()
        Installation(root, plan, os.environ, lock).run()
    print(f"environment is ready after {time.monotonic() - started:.0f} s: .venv/bin/temporec --help")
    return 0


def main() -> int:
    """Parse the arguments and run `setup`.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python3 -m pipeline.install.bootstrap", description="Make the environment .venv from nothing."
    )
    parser.add_argument(
        "--set",
        choices=sorted(dependency_sets.DEPENDENCY_SETS),
        help="install this dependency set instead of the one that fits the machine",
    )
    parser.add_argument("--check", action="store_true", help="check what the machine lacks, install nothing")
    arguments = parser.parse_args()
    try:
        return setup(Path(__file__).resolve().parents[2], arguments.set, arguments.check)
    except (StepFailed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted. {RERUN}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

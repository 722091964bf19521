"""From nothing to a ready `.venv`: picks the lane, checks the machine, installs the lane's lock file.

Standard library only: `python3 -m pipeline.install.bootstrap`, which `make` calls.
An environment that is ready is left alone; any other (half made, of another
lock file, moved) is removed and made again, so running it again repairs it.
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

from pipeline.install import lanes, machine_checks
from pipeline.install.environment import RERUN, Installation, StepFailed, ready_lane
from pipeline.install.interpreters import find_interpreters
from schemas.errors import InputError


def preflight(root: Path, wanted: str | None, environ: Mapping[str, str]) -> tuple[lanes.Choice | None, list[str]]:
    """The lane and Python to install, and each thing that the machine lacks for it, with its remedy."""
    made = [machine_checks.check_compiler(environ), machine_checks.check_writable(root)]
    made.append(machine_checks.check_disk(root, machine_checks.ENVIRONMENT_GB))
    problems, choice = [], None
    try:
        choice = lanes.choose(lanes.host_glibc(), find_interpreters(environ, lanes.all_pythons()), wanted)
        made += [machine_checks.check_headers(choice.interpreter), machine_checks.check_venv(choice.interpreter)]
    except InputError as error:
        problems.append(f"expected {error.expected}\nreceived {error.received}\n{error.remedy}")
    problems += [
        f"{check.name}: {check.found}\n{check.remedy}" for check in made if check.status == machine_checks.FAIL
    ]
    return choice, problems


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[int]:
    """Waits until no other setup works in this clone; yields the descriptor of the lock."""
    descriptor = os.open(root / "requirements", os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another setup is at work in this clone: waiting for its end", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_ready(root: Path, wanted: str | None) -> bool:
    lane = ready_lane(root)
    if lane is None or wanted not in (None, lane.name):
        return False
    print(f"environment is ready: lane {lane.name} ({lane.stack}) in .venv")
    return True


def setup(root: Path, wanted: str | None, check_only: bool) -> int:
    """Makes the environment where it is not ready; returns the exit code.

    Args:
        root: the repository.
        wanted: the lane to install, or None for the one that the machine takes.
        check_only: look at the machine, install nothing.
    """
    if not check_only and _is_ready(root, wanted):
        return 0
    choice, problems = preflight(root, wanted, os.environ)
    if choice:
        print(lanes.describe(choice), flush=True)
    if problems or choice is None:
        listed = "\n".join(f"- {problem}".replace("\n", "\n  ") for problem in problems)
        print(f"setup cannot start, nothing was downloaded:\n{listed}", file=sys.stderr)
        return 2
    if check_only:
        return 0
    with _alone(root) as lock:
        if _is_ready(root, wanted):
            return 0
        started = time.monotonic()
        Installation(root, choice, os.environ, lock).run()
    print(f"environment is ready after {time.monotonic() - started:.0f} s: .venv/bin/temporec --help")
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m pipeline.install.bootstrap", description="Makes .venv from nothing."
    )
    parser.add_argument("--lane", choices=sorted(lanes.LANES), help="install this lane, not what the machine takes")
    parser.add_argument("--check", action="store_true", help="only check that the machine has what setup needs")
    arguments = parser.parse_args()
    try:
        return setup(Path(__file__).resolve().parents[2], arguments.lane, arguments.check)
    except (StepFailed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted. {RERUN}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

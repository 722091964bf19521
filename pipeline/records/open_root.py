"""A root while a run uses it: its lock, its log file and the working directory."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from schemas.errors import InputError


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Make the root and lock it; the system releases the lock when the process ends.

    Args:
        root: the root of a run.

    Raises:
        InputError: the root cannot be written, or another run uses it.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise InputError(
            expected=f"a writable root: {root}",
            received=error.strerror or str(error),
            remedy="give a folder" if root.is_file() else "choose another --root, or change its permissions",
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                expected=f"a root that no other run uses: {root}",
                received="a run is active in this root",
                remedy="wait until it ends, or choose another --root",
            ) from None
        yield


@contextmanager
def output_to(path: Path, console: Console) -> Iterator[Console]:
    """Redirect the output of Python and native code to a file.

    Args:
        path: the log file, to which the output is appended.
        console: where the run shows its progress.

    Yields:
        A console that still writes to the terminal.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with path.open("a") as file, os.fdopen(os.dup(1), "w") as shown:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield Console(file=shown, width=console.width if not console.is_terminal else None)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, number in zip(saved, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)


@contextmanager
def working_directory(folder: Path) -> Iterator[None]:
    """Change the working directory of the process while the block runs."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)

"""Runs the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TEMPOREC = str(Path(sys.executable).with_name("temporec"))


def temporec(*arguments: object, cwd: Path | None = None, timeout_s: float = 600, **environ: str) -> str:
    """The output of a command that must succeed."""
    ran = attempt(*arguments, cwd=cwd, timeout_s=timeout_s, **environ)
    assert ran.returncode == 0, f"{arguments} ended with {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def attempt(
    *arguments: object, cwd: Path | None = None, timeout_s: float = 600, **environ: str
) -> subprocess.CompletedProcess[str]:
    """A command, however it ends."""
    return subprocess.run(
        [TEMPOREC, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environ},
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )

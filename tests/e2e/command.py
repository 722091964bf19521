"""Runs the command line in its own process, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

TEMPOREC = str(Path(sys.executable).with_name("temporec"))


def temporec(
    *arguments: object,
    cwd: Path | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    timeout_s: float = 600,
) -> str:
    """Run a command that must succeed, and return its output."""
    ran = attempt(*arguments, cwd=cwd, environ=environ, timeout_s=timeout_s)
    assert ran.returncode == 0, f"{arguments} ended with {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def attempt(
    *arguments: object,
    cwd: Path | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    timeout_s: float = 600,
) -> subprocess.CompletedProcess[str]:
    """Run a command with any result."""
    return subprocess.run(
        [TEMPOREC, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environ},
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )

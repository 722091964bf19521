"""Where a recorded result comes from: machine, versions, date, commit and command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDED = ":!benchmarks/*.jsonl"  # a benchmark's own results do not change what it measures
REPOSITORY = Path(__file__).resolve().parents[1]


def circumstances() -> dict[str, Any]:
    """Return the machine, versions, date, commit and command of this process.

    Returns:
        A JSON object. The commit has the suffix "and changes" if the working tree differs from it.
    """
    git = ["git", "-C", str(REPOSITORY)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", ".", RECORDED], capture_output=True, text=True, check=True
    ).stdout
    return {
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "memory_gb": round(_memory_gb())},
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit.stdout.strip() + (" and changes" if changed else ""),
        # An absolute path exists on one machine only, so just its last part is kept.
        "command": shlex.join(Path(part).name if part.startswith("/") else part for part in sys.orig_argv),
    }


def _processor() -> str:
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30

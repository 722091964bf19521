"""Run the pipeline as its users do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.provenance import REPOSITORY
from pipeline.exit_codes import DONE, GATE_REFUSED


def run_pipeline(arguments: Sequence[str], root: Path) -> None:
    """Run `temporec run`. A model that the gate refuses is a result as well.

    Args:
        arguments: the options of `temporec run`, except `--root`.
        root: the folder of the run.

    Raises:
        CalledProcessError: the run failed.
    """
    command = [str(Path(sys.executable).with_name("temporec")), "run", *arguments, "--root", str(root)]
    code = subprocess.run(command, check=False, cwd=REPOSITORY).returncode
    if code not in (DONE, GATE_REFUSED):
        raise subprocess.CalledProcessError(code, command)

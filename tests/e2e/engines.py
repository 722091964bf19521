"""Prism, the portable runner of Beam's Go SDK, and a pool of workers. Without Go, tests that need them are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apache_beam

from tests.go_tools import free_address, go_tool, wait_for


@dataclass(frozen=True)
class Engine:
    """A job server and its pool of workers."""

    settings: list[str]  # for --set
    pool: subprocess.Popen[bytes]


@contextmanager
def prism(folder: Path) -> Iterator[Engine]:
    """Run Prism and a pool, with their logs in a folder."""
    program = go_tool("github.com/apache/beam/sdks/v2/go/cmd/prism", f"v{apache_beam.__version__}")
    jobs, workers = free_address(), free_address()
    commands = {
        "prism": [str(program), "--job_port", jobs.split(":")[1]],
        "pool": [
            *(sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"),
            f"--service_port={workers.split(':')[1]}",
        ],
    }
    # The pool starts `python`, in a working directory that is not the root.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with ExitStack() as stack:
        running = {}
        for name, command in commands.items():
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            running[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
            stack.callback(running[name].wait)
            stack.callback(running[name].terminate)
        wait_for(jobs)
        wait_for(workers)
        settings = ["runner=portable", f"job_endpoint={jobs}", "environment=EXTERNAL", f"environment_config={workers}"]
        yield Engine([part for each in settings for part in ("--set", f"beam.{each}")], running["pool"])

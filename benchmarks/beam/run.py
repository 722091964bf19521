"""Time the Beam pipelines of a large generated log on a portable runner, with one and with two workers.

    .venv/bin/python -m benchmarks.beam.run --work runs/beam

The job server is the one in Beam's Python SDK, which can start several workers; Prism starts one. The workers are
processes of a pool. Nothing else should be running.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from benchmarks.beam.generate import ITEMS, ROWS_PER_USER, write_log
from benchmarks.provenance import REPOSITORY, circumstances

RESULTS = Path(__file__).with_name("results.jsonl")
_EVERY_S = 0.5


def main(
    work: Annotated[Path, typer.Option(help="folder for the log and the roots")],
    rows: Annotated[int, typer.Option(help="rows of the log")] = 10_000_000,
    workers: Annotated[list[int], typer.Option(help="numbers of workers")] = [1, 2],  # noqa: B006 - typer copies it
) -> None:
    """Measure, print and record."""
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    log = work / f"{rows}.csv.gz"
    if not log.exists():
        write_log(log.with_suffix(".unfinished"), rows)
        log.with_suffix(".unfinished").rename(log)
    for count in workers:
        root = work / f"root-{count}"
        shutil.rmtree(root, ignore_errors=True)
        found = _measure(log, root, count)
        record = {"rows": rows, "users": rows // ROWS_PER_USER, "items": ITEMS, "workers": count, **found}
        with RESULTS.open("a") as file:
            file.write(json.dumps(record | circumstances()) + "\n")
        print(json.dumps(record, indent=1))


def _measure(log: Path, root: Path, workers: int) -> dict[str, Any]:
    with _engine() as (jobs, pool, processes):
        config = root.with_suffix(".yaml")
        config.write_text(yaml.safe_dump(_config(log, jobs, pool, workers)))
        command = [sys.executable, "-m", "benchmarks.beam.stages", str(config), str(root)]
        with (
            root.with_suffix(".log").open("w") as errors,
            subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=errors, text=True) as stages,
        ):
            peaks = _Peaks({**processes, "component": stages.pid})
            output, _ = stages.communicate()
            peaks.stop()
        if stages.returncode:
            raise SystemExit(f"the stages ended with {stages.returncode}; see {root.with_suffix('.log')}")
    return {"seconds": json.loads(output.splitlines()[-1]), "peak_mb": peaks.found, "log_mb": log.stat().st_size >> 20}


def _config(log: Path, jobs: str, pool: str, workers: int) -> dict[str, Any]:
    return {
        "name": "beam",
        "data": {
            "path": str(log),
            "columns": {"user": "user", "item": "item", "timestamp": "time"},
            "timestamp": {"unit": "s"},
        },
        "beam": {
            "runner": "portable",
            "job_endpoint": jobs,
            "environment": "EXTERNAL",
            "environment_config": pool,
            "options": {"direct_num_workers": workers},
        },
    }


@contextmanager
def _engine() -> Iterator[tuple[str, str, dict[str, int]]]:
    """Start a job server and a pool of workers; yield their addresses and their processes."""
    jobs, pool = _free_port(), _free_port()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    modules = {
        "job server": ["apache_beam.runners.portability.local_job_service_main", f"--port={jobs}"],
        "workers": ["apache_beam.runners.worker.worker_pool_main", f"--service_port={pool}"],
    }
    running = {
        name: subprocess.Popen([sys.executable, "-m", *module], env=environment, stderr=subprocess.DEVNULL)
        for name, module in modules.items()
    }
    try:
        yield f"localhost:{jobs}", f"localhost:{pool}", {name: process.pid for name, process in running.items()}
    finally:
        for process in running.values():
            process.terminate()
            process.wait()


class _Peaks:
    """The peaks of memory: of each process, and of the children of the pool."""

    def __init__(self, processes: dict[str, int]) -> None:
        self.found: dict[str, int | list[int]] = {}
        self._processes = processes
        self._workers: dict[int, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            for name, pid in self._processes.items():
                if name == "workers":
                    threads = Path(f"/proc/{pid}/task").glob("*/children")
                    children = [child for thread in threads for child in thread.read_text().split()]
                    self._workers.update({int(child): peak for child in children if (peak := _peak_mb(int(child)))})
                elif peak := _peak_mb(pid):
                    self.found[name] = peak

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()
        self.found["workers"] = sorted(self._workers.values(), reverse=True)


def _peak_mb(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) >> 10 if peaks else None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    typer.run(main)

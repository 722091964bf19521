"""Time the Beam pipelines of a large generated log on a portable runner, with one and with two workers.

    .venv/bin/python -m benchmarks.beam.run --work runs/beam

The job server is that of Beam's Python SDK, see `benchmarks.beam.job_server`. The workers are processes of a pool.
Nothing else should be running.
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
from benchmarks.beam.stages import WITH_BEAM
from benchmarks.provenance import REPOSITORY, circumstances

RESULTS = Path(__file__).with_name("results.jsonl")
_FILES = 10  # a worker reads a file as a whole
_EVERY_S = 0.5


def main(
    work: Annotated[Path, typer.Option(help="folder for the log and the roots")],
    rows: Annotated[int, typer.Option(help="rows of the log")] = 10_000_000,
    workers: Annotated[list[int], typer.Option(help="numbers of workers")] = [1, 2],  # noqa: B006 - typer copies it
) -> None:
    """Measure, print and record."""
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    log = work / f"log-{rows}"
    if not log.exists():
        unfinished = work / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        write_log(unfinished, rows, _FILES)
        unfinished.rename(log)
    for count in workers:
        root = work / f"root-{count}"
        shutil.rmtree(root, ignore_errors=True)
        found = _measure(log, root, count)
        record = {"rows": rows, "users": rows // ROWS_PER_USER, "items": ITEMS, "workers": count, **found}
        with RESULTS.open("a") as file:
            file.write(json.dumps(record | circumstances()) + "\n")
        print(json.dumps(record, indent=1))


def _measure(log: Path, root: Path, workers: int) -> dict[str, Any]:
    with _engine() as (jobs, pool, job_server, pool_pid):
        config = root.with_suffix(".yaml")
        config.write_text(yaml.safe_dump(_config(log, jobs, pool, workers)))
        command = [sys.executable, "-m", "benchmarks.beam.stages", str(config), str(root)]
        usage = _Usage(pool_pid)
        components: dict[str, dict[str, Any]] = {}
        with (
            root.with_suffix(".log").open("w") as errors,
            subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=errors, text=True) as stages,
        ):
            assert stages.stdout
            for line in stages.stdout:  # one when a component has ended
                name, seconds = line.split()
                components[name] = {"seconds": float(seconds), **usage.since_last()}
            usage.stop()
        peak_mb = _peak_mb(job_server)
        if stages.returncode:
            raise SystemExit(f"the stages ended with {stages.returncode}; see {root.with_suffix('.log')}")
    return {
        "components": {name: components[name] for name in WITH_BEAM},
        "job_server_peak_mb": peak_mb,
        "log_mb": _size_mb(log),
        "examples_mb": _size_mb(root / "artifacts" / "InteractionExampleGen" / "examples"),
        "counts_mb": _size_mb(root / "artifacts" / "Baselines" / "counts"),
    }


def _size_mb(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


def _config(log: Path, jobs: str, pool: str, workers: int) -> dict[str, Any]:
    return {
        "name": "beam",
        "data": {
            "path": f"{log}/*.csv.gz",
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
def _engine() -> Iterator[tuple[str, str, int, int]]:
    """Start a job server and a pool of workers; yield their addresses and their processes."""
    jobs, pool = _free_port(), _free_port()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    running = [
        subprocess.Popen([sys.executable, "-m", *module], cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
        for module in (
            ("benchmarks.beam.job_server", f"--port={jobs}"),
            ("apache_beam.runners.worker.worker_pool_main", f"--service_port={pool}"),
        )
    ]
    try:
        yield f"localhost:{jobs}", f"localhost:{pool}", running[0].pid, running[1].pid
    finally:
        for process in running:
            process.terminate()
            process.wait()


class _Usage:
    """The processor time and the peak of memory of each worker, a child of the pool."""

    def __init__(self, pool: int) -> None:
        self._pool = pool
        self._found: dict[int, tuple[float, int]] = {}  # seconds and peak by process
        self._before: dict[int, tuple[float, int]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            for pid in _children(self._pool):
                seconds, peak_mb = _cpu_s(pid), _peak_mb(pid)
                if seconds is not None and peak_mb is not None:
                    self._found[pid] = (seconds, peak_mb)

    def since_last(self) -> dict[str, Any]:
        """Return the processor time since the last call, and the peaks of the workers that started since then."""
        found = dict(self._found)
        seconds = sum(used for used, _ in found.values()) - sum(used for used, _ in self._before.values())
        peaks = sorted((peak for pid, (_, peak) in found.items() if pid not in self._before), reverse=True)
        self._before = found
        return {"worker_cpu_s": round(seconds, 1), "worker_peaks_mb": peaks}

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()


def _children(pid: int) -> list[int]:
    try:
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # a thread has ended since
        return []
    return [int(child) for children in threads for child in children.split()]


def _peak_mb(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) >> 10 if peaks else None


def _cpu_s(pid: int) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    typer.run(main)

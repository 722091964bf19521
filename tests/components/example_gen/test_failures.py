"""If the machine fails while a log is ingested, the run says why or completes, and a second one completes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from components.example_gen.ingest import ingest
from schemas.config import HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig
from tests.components.ingest_process import MAX_LENGTH
from tests.components.log_writers import WRITERS, Table
from tests.components.logs import START_S, data, local_pipeline

ROWS = 40_000
NAMESPACE = ("unshare", "--map-root-user", "--mount")


class Log(NamedTuple):
    settings: DataConfig
    config: Path  # the same as JSON
    digests: dict[str, str]  # of the examples, by file

    def ingest(self, output: Path) -> None:
        ingest(local_pipeline, self.settings, LeaveOneOutConfig(), HistoryConfig(max_length=MAX_LENGTH), str(output))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    # Each user has two rows at each time, in two files.
    rows: Table = [
        {"user": f"u{i % 977}", "item": f"i{i * i % 4_801}", "time": START_S + (i // 1_954 * 977 + i % 977) * 997}
        for i in range(ROWS)
    ]
    for number in range(4):
        WRITERS["csv"](folder / f"part-{number}.csv", rows[number::4])
    settings = data(folder)
    (folder / "config.json").write_text(settings.model_dump_json())
    made = Log(settings, folder / "config.json", {})
    made.ingest(folder / "out")
    return made._replace(digests=digests(folder / "out"))


def digests(output: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of examples."""
    files = sorted(output.glob("Split-*/*"))
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def workers_of(run: subprocess.Popen[str]) -> list[int]:
    """Return Beam's workers of a run."""
    commands = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if os.getsid(int(path.parent.name)) == run.pid:
                commands[int(path.parent.name)] = path.read_bytes()
    return [process for process, command in commands.items() if b"sdk_worker" in command]


def kill_worker_when(run: subprocess.Popen[str], output: Path, pattern: str) -> bool:
    """Kill a worker when a file appears, and return whether this happened before the run ended."""
    while run.poll() is None:
        if next(output.glob(pattern), None) and (workers := workers_of(run)):
            os.kill(workers[-1], signal.SIGKILL)
            return True
        time.sleep(0.01)
    return False


def ingest_with_two_workers(log: Log, output: Path) -> list[str]:
    """Return the command."""
    return [sys.executable, "-m", "tests.components.ingest_process", str(log.config), str(output), "2"]


def test_two_workers_write_the_files_of_one(log: Log, tmp_path: Path) -> None:
    subprocess.run(ingest_with_two_workers(log, tmp_path / "out"), check=True)
    assert digests(tmp_path / "out") == log.digests


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds the workers in /proc")
def test_run_whose_worker_is_killed_ends_and_a_second_one_is_undisturbed(log: Log, tmp_path: Path) -> None:
    command = ingest_with_two_workers(log, tmp_path / "out")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        killed = kill_worker_when(run, tmp_path / "out", "unfinished/*.arrow")
        errors = run.communicate(timeout=300)[1]

    assert killed
    if run.returncode:
        assert "SDK worker disconnected" in errors or "Channel closed prematurely" in errors
        assert not (tmp_path / "out" / "ingestion.json").exists()
        log.ingest(tmp_path / "out")
    assert digests(tmp_path / "out") == log.digests
    assert not (tmp_path / "out" / "unfinished").exists()


def can_mount() -> bool:
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="mounts small disks in a namespace of its own")
def test_full_disk_is_named_and_nothing_is_reported(log: Log, tmp_path: Path) -> None:
    """The shuffle takes 1.1 MB of the disk, and the examples 0.7 MB more."""
    sizes_kb = ["64", "768", "1400", "16384"]
    (tmp_path / "disk").mkdir()
    command = [sys.executable, "-m", "tests.components.ingest_on_small_disks", str(log.config), str(tmp_path / "disk")]

    done = subprocess.run([*NAMESPACE, *command, *sizes_kb], stdout=subprocess.PIPE, text=True, check=True)

    *full, whole = [json.loads(line) for line in done.stdout.splitlines()]
    output = f"expected: space on the disk of {tmp_path}/disk/out"
    for each, file in zip(full, ("unfinished/", "unfinished/", "Split-"), strict=True):
        assert each["error"].startswith(f"{output}/{file}")
        assert not each["reported"]
    assert whole == {"error": None, "reported": True, "digests": log.digests}

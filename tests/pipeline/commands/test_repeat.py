from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.commands.repeat import parse_interval, repeat
from schemas.errors import InputError
from tests.e2e.command import TEMPOREC, attempt

# Each run writes a line and fails; the third one stops the repetition.
RUN = """
import os, pathlib, signal, sys
lines = pathlib.Path(sys.argv[1])
lines.write_text((lines.read_text() if lines.exists() else "") + "run\\n")
if lines.read_text().count("run") == 3:
    os.kill(os.getppid(), signal.SIGTERM)
sys.exit(3)
"""
# The run ends by SIGTERM only, and writes that it did.
ENDLESS = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path(sys.argv[1]).write_text("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("90m", 5400), ("24h", 86400), (" 1d ", 86400)])
def test_interval_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["24", "h", "0h", "-1h", "1.5h", "1w", ""])
def test_other_interval_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="like 24h, 90m or 1d"):
        parse_interval(text)


def test_failed_runs_are_repeated_until_a_signal(tmp_path: Path) -> None:
    console = Console(record=True)
    start = time.monotonic()
    repeat([sys.executable, "-c", RUN, str(tmp_path / "lines")], 1, console)
    assert (tmp_path / "lines").read_text() == "run\n" * 3
    assert time.monotonic() - start >= 2
    assert console.export_text().count("The run ended with exit code 3. Next run: 2") == 2


def test_signal_stops_the_running_command(tmp_path: Path) -> None:
    program = f"""
import sys
from rich.console import Console
from pipeline.commands.repeat import repeat
repeat([sys.executable, "-c", {ENDLESS!r}, {str(tmp_path / "ended")!r}], 3600, Console())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert (tmp_path / "ended").read_text() == "stopped"


def test_run_of_the_command_line_is_repeated(tmp_path: Path) -> None:
    columns = "columns: {user: u, item: i, timestamp: t}, timestamp: {unit: s}"
    (tmp_path / "config.yaml").write_text(f"name: none\ndata: {{path: {tmp_path}/none.csv, {columns}}}\n")
    command = [TEMPOREC, "run", "--config", str(tmp_path / "config.yaml"), "--root", str(tmp_path), "--every", "1h"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("The run ended with exit code 2. Next run: ")
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert process.stderr
        assert "no such file" in process.stderr.read()


def test_wrong_interval_on_the_command_line_ends_with_2(tmp_path: Path) -> None:
    ran = attempt("run", "--config", "pipeline/configs/quickstart.yaml", "--every", "daily")
    assert ran.returncode == 2
    assert "received: daily" in ran.stderr

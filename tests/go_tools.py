"""Servers for tests, built from the Go module proxy into `.tools/`. Without Go, tests that need one are skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / ".tools"


def go_tool(module: str, version: str) -> Path:
    """Return a program, built at first use."""
    folder = TOOLS / version
    program = folder / module.rpartition("/")[2]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # the tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            go = shutil.which("go")
            if go is None:
                pytest.skip(f"needs Go, to build {program.name}")
            # GOGC and the flags halve the time to build.
            environment = {**os.environ, "GOBIN": str(folder), "GOGC": "400"}
            quick = ["-gcflags=all=-N -l", "-ldflags=-s -w"]
            command = [go, "install", *quick, f"{module}@{version}"]
            subprocess.run(command, env=environment, check=True, capture_output=True)
    return program


def free_address() -> str:
    """Return HOST:PORT of a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def wait_for(address: str) -> None:
    """Wait until a server answers at HOST:PORT."""
    host, port = address.split(":")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port))).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"no server at {address}")

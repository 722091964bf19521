"""Processes that are workers of one cluster, by TF_CONFIG."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence


def start(module: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Run a module in its own process."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def start_workers(module: str, arguments: Sequence[Sequence[object]]) -> list[subprocess.Popen[str]]:
    """Run a module in one worker on the loopback for each list of arguments."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in arguments]
    cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    return [
        start(module, *of_one, TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}))
        for i, of_one in enumerate(arguments)
    ]


def last_line(process: subprocess.Popen[str]) -> str:
    """Return the last line that a process printed, and require that it succeeded."""
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-3000:]
    return out.splitlines()[-1]

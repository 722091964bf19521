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
    configs = tf_configs(["worker"] * len(arguments))
    return [start(module, *of_one, TF_CONFIG=tf_config) for of_one, tf_config in zip(arguments, configs, strict=True)]


def tf_configs(roles: Sequence[str]) -> list[str]:
    """Return TF_CONFIG for each process of a cluster on the loopback, by the roles of the processes."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in roles]
    cluster: dict[str, list[str]] = {}
    tasks = []
    for role, free in zip(roles, sockets, strict=True):
        addresses = cluster.setdefault(role, [])
        tasks.append({"type": role, "index": len(addresses)})
        addresses.append(f"127.0.0.1:{free.getsockname()[1]}")
        free.close()
    return [json.dumps({"cluster": cluster, "task": task}) for task in tasks]


def last_line(process: subprocess.Popen[str]) -> str:
    """Return the last line that a process printed, and require that it succeeded."""
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-3000:]
    return out.splitlines()[-1]

"""A fix for Beam's local runner, which waits for ever for a worker that was killed while it had no work."""

from __future__ import annotations

from typing import Any

from apache_beam.runners.portability.fn_api_runner.worker_handlers import ControlConnection

_read, _push = ControlConnection._read, ControlConnection.push


def fail_with_lost_workers() -> None:
    """Let the local runner fail when it gives work to a worker whose connection has ended.

    `tests/components/example_gen/test_failures.py` kills workers at any moment.
    """
    ControlConnection._read = _read_until_lost
    ControlConnection.push = _push_unless_lost


def _read_until_lost(connection: Any) -> None:
    try:
        _read(connection)
    finally:
        connection.lost = RuntimeError("SDK worker disconnected")
        connection.abort(connection.lost)


def _push_unless_lost(connection: Any, request: Any) -> Any:
    future = _push(connection, request)
    if future is not None and hasattr(connection, "lost"):
        future.abort(connection.lost)
    return future

"""`temporec run --every`: a run again and again on one machine, each in a process of its own."""

from __future__ import annotations

import datetime
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from types import FrameType

from rich.console import Console

from schemas.errors import InputError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_GRACE_S = 30.0  # for a run that is asked to stop


def parse_interval(text: str) -> int:
    """Return an interval in seconds.

    Args:
        text: a number and its unit: s, m, h or d.

    Raises:
        InputError: the text is no such interval, or the interval is 0.

    Example:
        >>> parse_interval("24h")
        86400
    """
    found = re.fullmatch(r"(\d+)([smhd])", text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not seconds:
        raise InputError(
            expected="an interval in --every: a number and s, m, h or d",
            received=text,
            remedy="write it like 24h, 90m or 1d",
        )
    return seconds


def repeat(command: Sequence[str], every_s: float, console: Console) -> None:
    """Run a command at the start of each interval, until SIGTERM or SIGINT.

    A run that takes longer than the interval delays the next one: missed starts are not made up for. A run that fails
    does not end the repetition. A process of its own gives back all memory of a run.

    Args:
        command: the command line.
        every_s: the time from one start to the next, in seconds.
        console: where to show the exit code of each run and the time of the next one.
    """
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        start = datetime.datetime.now()
        while not stopped.is_set():
            code = _run(command, stopped)
            if stopped.is_set():
                break
            ended = datetime.datetime.now()
            start += datetime.timedelta(seconds=every_s) * -(-(ended - start).total_seconds() // every_s)
            console.print(f"The run ended with exit code {code}. Next run: {start:%Y-%m-%d %H:%M:%S}", highlight=False)
            stopped.wait(max(0.0, (start - datetime.datetime.now()).total_seconds()))
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _run(command: Sequence[str], stopped: threading.Event) -> int:
    """Run the command in a session of its own, so that only this process decides when it ends."""
    with subprocess.Popen(command, start_new_session=True) as process:
        while not stopped.is_set():
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
        process.terminate()
        try:
            return process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

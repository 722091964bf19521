"""How far the files of a log are read, while a pipeline of Beam runs: workers write it to files, and it is logged.

Beam's local runner shows no counter before a step has ended, and its workers are other processes.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import NamedTuple

from components.common.stores import is_remote
from components.example_gen.sources.files import file_size, match_log
from schemas.config.log import DataConfig
from schemas.errors import InputError

LOGGER = logging.getLogger("temporec.progress")
LIVE = logging.getLogger("temporec.live_progress")  # for a line that is updated, not for a log file
LIVE.propagate = False
LIVE.setLevel(logging.INFO)
INTERVAL_S = 0.5  # between two reports of a worker, and between two updates
_QUIET_S = 2.0  # shorter work needs no progress
_LOGGED_S = 30.0  # between two lines of a log file


class Progress(NamedTuple):
    """How far one or many files are read."""

    bytes: int  # of the files as they are stored
    rows: int
    rejected: int


def progress_folder(scratch: str) -> str | None:
    """Return the folder of the workers' reports.

    Args:
        scratch: the folder for unfinished files of the ingestion.

    Returns:
        A folder, or None on an object store, where each report would be a request.
    """
    return None if is_remote(scratch) else f"{scratch}/progress"


class ProgressWriter:
    """Writer of one worker's reports. A report on a part of a file replaces those on less of it.

    Args:
        folder: the output of `progress_folder`; None for no reports.
    """

    def __init__(self, folder: str | None) -> None:
        self._path = f"{folder}/{uuid.uuid4().hex}" if folder else None
        self._pending: dict[str, Progress] = {}
        self._written_s = time.monotonic()

    def set(self, part: str, progress: Progress) -> None:
        """Report on a part of a file.

        Args:
            part: the name of the part.
            progress: how far it is read.
        """
        self._pending[part] = progress
        if time.monotonic() - self._written_s > INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Write the reports that are not written yet. An error is ignored, because nothing depends on them."""
        lines = "".join(json.dumps([part, *progress]) + "\n" for part, progress in self._pending.items())
        self._pending, self._written_s = {}, time.monotonic()
        if self._path and lines:
            with suppress(OSError):
                os.makedirs(os.path.dirname(self._path), exist_ok=True)
                with open(self._path, "a", encoding="utf-8") as file:
                    file.write(lines)


def read_progress(folder: str) -> Progress | None:
    """Return the sum over all parts of files that workers have reported on.

    Args:
        folder: the output of `progress_folder`.

    Returns:
        The sum, or None if there is no report.
    """
    parts: dict[str, Progress] = {}
    for path in sorted(glob.glob(f"{glob.escape(folder)}/*")):
        with suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            whole, _, _ = file.read().rpartition("\n")  # a worker may be writing the last line
            for line in filter(None, whole.split("\n")):
                part, *numbers = json.loads(line)
                # A killed worker may have reported on a part that another one reads again.
                parts[part] = max(parts.get(part, Progress(0, 0, 0)), Progress(*numbers))
    return Progress(*map(sum, zip(*parts.values(), strict=True))) if parts else None


@contextmanager
def log_progress(folder: str | None, data: DataConfig) -> Iterator[None]:
    """Log how far a log is read while the block runs: every half second to `LIVE`, every half minute to `LOGGER`.

    It begins after two seconds. The fields `done_bytes` and `total_bytes` of a record have numbers.

    Args:
        folder: the output of `progress_folder`; None for no progress.
        data: the log.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_log, args=(folder, data, ended), daemon=True)
    if folder:
        thread.start()
    try:
        yield
    finally:
        ended.set()


def _log(folder: str, data: DataConfig, ended: threading.Event) -> None:
    begin_s, first_s, total = time.monotonic(), None, None
    logged_s = begin_s
    while not ended.wait(INTERVAL_S):
        progress, now_s = read_progress(folder), time.monotonic()
        if progress is None:
            continue
        first_s = first_s or now_s - INTERVAL_S  # workers take a while to start
        if now_s - begin_s < _QUIET_S:
            continue
        total = _size(data) if total is None else total
        text = describe(progress, total, now_s - first_s)
        extra = {"done_bytes": progress.bytes, "total_bytes": total}
        LIVE.info(text, extra=extra)
        if now_s - logged_s >= _LOGGED_S:
            LOGGER.info(text, extra=extra)
            logged_s = now_s
        if progress.bytes >= total:
            return


def describe(progress: Progress, total: int, seconds: float) -> str:
    """Return the text of a progress.

    Args:
        progress: how far the log is read.
        total: the bytes of the log.
        seconds: the time since the first row.

    Example:
        >>> describe(Progress(bytes=250_000_000, rows=10_000_000, rejected=1_234), 1_000_000_000, 50.0)
        '250 of 1,000 MB, 0:02:30 left, 200,000 rows/s, 10,000,000 rows, 1,234 rejected'
    """
    left_s = seconds * (total - progress.bytes) / max(progress.bytes, 1)
    return (
        f"{progress.bytes / 1e6:,.0f} of {total / 1e6:,.0f} MB, {timedelta(seconds=round(max(left_s, 0)))} left,"
        f" {progress.rows / seconds:,.0f} rows/s, {progress.rows:,} rows, {progress.rejected:,} rejected"
    )


def _size(data: DataConfig) -> int:
    try:
        return sum(map(file_size, match_log(data)))
    except (InputError, OSError):  # the pipeline will report it
        return 0

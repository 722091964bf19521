"""The counts of the previous run, in a folder of the root."""

from __future__ import annotations

import hashlib
import shutil
import time

from components.common.atomic_write import atomic_write
from components.common.stores import copy_file, is_remote, list_files, read_bytes


def previous_counts(folder: str, counts: str) -> str:
    """Find the newest counts of another log.

    A run whose log has the same interactions is compared with the run before it.

    Args:
        folder: the folder of `keep_counts`; it may not exist yet.
        counts: the file with the counts of this run.

    Returns:
        The file, or "" if there is none.
    """
    digest = _digest(counts)
    return next((file for file in reversed(list_files(f"{folder}/*.parquet")) if not file.endswith(digest)), "")


def are_kept(folder: str, counts: str) -> bool:
    """Return whether the newest counts are those of this run: a run with the same interactions has passed the checks.

    Args:
        folder: the folder of `keep_counts`.
        counts: the file with the counts of this run.
    """
    digest = _digest(counts)
    return any(file.endswith(digest) for file in list_files(f"{folder}/*.parquet")[-1:])


def keep_counts(folder: str, counts: str) -> None:
    """Copy the counts of a run for the next one, unless the newest are equal.

    Args:
        folder: the folder, on any file system that Beam knows.
        counts: the file.
    """
    if are_kept(folder, counts):
        return
    path = f"{folder}/{time.time_ns():020}-{_digest(counts)}"
    if is_remote(folder):
        copy_file(counts, path)
        return
    scratch = f"{folder}/unfinished"
    with atomic_write(path, scratch) as unfinished:
        copy_file(counts, unfinished)
    shutil.rmtree(scratch)


def _digest(counts: str) -> str:
    content = read_bytes(counts)
    assert content is not None
    return f"{hashlib.sha256(content).hexdigest()[:16]}.parquet"

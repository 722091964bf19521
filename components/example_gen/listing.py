"""The listing of a log: its files and those of its tables, with their sizes and versions."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from apache_beam.io.filesystems import FileSystems

from components.common.stores import connect, is_remote
from components.example_gen.sources.bigquery_tables import table_versions
from components.example_gen.sources.files import match_files, match_log
from components.example_gen.sources.options import FileOptions
from components.example_gen.sources.source import match_table
from components.example_gen.sources.spans import LogSpan, find_span
from schemas.config.log import BIGQUERY, DataConfig
from schemas.config.span_pattern import has_spans
from schemas.errors import InputError

_SHOWN = 8  # files in a message
_NEWEST = re.compile(r"newest span (-?\d+)")


class LogFile(NamedTuple):
    """A file as the listing shows it, or a table of BigQuery."""

    path: str
    size: int  # bytes
    version: str  # the time of its last change in nanoseconds; on an object store the store's checksum


class Listing(NamedTuple):
    """The files to read."""

    files: list[LogFile]  # of the log and of its tables
    spans: list[LogSpan]  # of the files of the log, oldest first; empty for a log without spans

    @property
    def until(self) -> int | None:
        """The number of the newest span; None without spans."""
        return self.spans[-1].number if self.spans else None


def file_settings(data: DataConfig) -> dict[str, str]:
    """Return the paths of the log, of its tables and of the log of impressions.

    Args:
        data: the description of the log.

    Returns:
        Configuration key -> path or glob.
    """
    impressions = {"data.impressions.path": data.impressions.path} if data.impressions else {}
    return {"data.path": data.path, **_table_settings(data), **impressions}


def list_log(data: DataConfig, until: int | None = None) -> Listing:
    """List the files of a log, or of its newest spans, and those of its tables.

    Args:
        data: the description of the log.
        until: the number of the newest span to read; None for the newest of all.

    Returns:
        The files of the log, then those of each table, in the order of their names.

    Raises:
        InputError: no file matches a setting, what matches cannot be read as a log, or a file vanishes meanwhile.
    """
    log = _match_files(data, until)
    files = {**_find_tables(data), **{path: find_log_file(path) for path in [*log, *_match_tables(data)]}}
    gone = [path for path, file in files.items() if file is None]
    if gone:
        raise _changed([f"{path} has vanished" for path in gone])
    spans = sorted({find_span(path, data.path) for path in log}) if has_spans(data.path) else []
    return Listing([file for file in files.values() if file], spans)


def describe_listing(listing: Listing) -> str:
    """Return a text that differs whenever a name, a size, a version or the newest span differs.

    Args:
        listing: the files.

    Returns:
        The number of files, their size, the newest span and the SHA-256 of the listing.

    Example:
        >>> describe_listing(Listing([LogFile("a.csv", 10, "1"), LogFile("b.csv", 5, "1")], []))[:24]
        '2 files, 15 bytes, sha25'
    """
    files, digest = listing.files, hashlib.sha256(json.dumps(listing.files).encode()).hexdigest()
    newest = f"newest span {listing.until}, " if listing.spans else ""
    return f"{len(files)} files, {sum(file.size for file in files)} bytes, {newest}sha256 {digest}"


def describe_table_files(table: FileOptions) -> str:
    """Return a text that differs whenever a name, a size or a version of a file of a table differs.

    Args:
        table: where the files are.

    Raises:
        InputError: no file matches.
    """
    return describe_listing(Listing([file for path in match_table(table) if (file := find_log_file(path))], []))


def check_table_files(table: FileOptions, described: str) -> None:
    """Check that the files of a table are those of an earlier listing.

    Args:
        table: where the files are.
        described: the output of `describe_table_files`.

    Raises:
        InputError: a file has changed, has vanished or is new.
    """
    now = describe_table_files(table)
    if now != described:
        raise InputError(
            expected=f"files of {table.path} ({table.setting}.path) that stay the same during the run: {described}",
            received=now,
            remedy="run again when no file is written",
        )


def _list_described(data: DataConfig, described: str) -> Listing:
    """List the files of a log again, up to the newest span of an earlier listing, and check that it is the same."""
    newest = _NEWEST.search(described)
    listing = list_log(data, int(newest[1]) if newest else None)
    if describe_listing(listing) != described:
        raise InputError(
            expected=f"the files that LogFiles has listed: {described}",
            received=describe_listing(listing),
            remedy="run again, because a file of the log has changed since",
        )
    return listing


@contextmanager
def unchanged_log(data: DataConfig, described: str | None = None) -> Iterator[Listing]:
    """List the files for the block that reads them, and check after it that they are the same.

    A file that changes may cause any error in the block. The error of the check, which names the file, replaces it.

    Args:
        data: the description of the log.
        described: the listing that the log must agree with, from `describe_listing`; None for any.

    Yields:
        The files.

    Raises:
        InputError: a file has changed, has vanished or is new. A span after the newest one does not count.
    """
    listing = list_log(data) if described is None else _list_described(data, described)
    try:
        yield listing
    finally:
        _check_unchanged(listing, data)


def _check_unchanged(before: Listing, data: DataConfig) -> None:
    tables = _find_tables(data)
    now = {
        file.path: tables.get(file.path) if file.path.startswith(BIGQUERY) else find_log_file(file.path)
        for file in before.files
    }
    problems = [
        f"{file.path} has {'changed' if now[file.path] else 'vanished'}"
        for file in before.files
        if now[file.path] != file
    ]
    if not problems:
        found = [*tables, *_match_files(data, before.until), *_match_tables(data)]
        problems = [f"{path} is new" for path in found if path not in now]
    if problems:
        raise _changed(problems)


def _table_settings(data: DataConfig) -> dict[str, str]:
    tables = {"data.items.path": data.items, "data.users.path": data.users}
    return {setting: table.path for setting, table in tables.items() if table}


def _match_files(data: DataConfig, until: int | None) -> list[str]:
    """Return the files of the log; BigQuery has none."""
    return [] if data.format == "bigquery" else list(match_log(data, until))


def _find_tables(data: DataConfig) -> dict[str, LogFile]:
    """Return the tables of BigQuery that the log reads, by their paths."""
    if data.format != "bigquery":
        return {}
    return {table.name: LogFile(*table) for table in table_versions(data.path)}


def _match_tables(data: DataConfig) -> list[str]:
    items = match_table(data.items) if data.items else ()
    return [*items, *(match_files(data.users.path, "data.users.path") if data.users else ())]


def find_log_file(path: str) -> LogFile | None:
    """Return a file with its size and version, or None if there is no such file.

    Args:
        path: the file.
    """
    if not is_remote(path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        return LogFile(path, found.st_size, str(found.st_mtime_ns))
    connect()
    try:
        return LogFile(path, FileSystems.get_filesystem(path).size(path), str(FileSystems.checksum(path)))
    except Exception:
        if FileSystems.exists(path):
            raise
        return None


def _changed(problems: list[str]) -> InputError:
    return InputError(
        expected="files of the log and of its tables that stay the same while they are read",
        received="\n  ".join([*problems[:_SHOWN], *["..."] * (len(problems) > _SHOWN)]),
        remedy="run again when no file is written; a file that is moved to its place when it is whole does not change",
    )

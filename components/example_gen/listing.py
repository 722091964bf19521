"""The listing of files: those of the log or of a table, with their sizes and versions."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from apache_beam.io.filesystems import FileSystems

from components.common.stores import connect, is_remote
from components.example_gen.sources.bigquery_tables import table_versions
from components.example_gen.sources.files import match_log
from components.example_gen.sources.options import FileLocation
from components.example_gen.sources.spans import LogSpan, find_span
from schemas.config.log import BIGQUERY, DataConfig
from schemas.config.span_pattern import has_spans
from schemas.errors import InputError

_SHOWN = 8  # files in a message
_NEWEST = re.compile(r"newest span (-?\d+)")


class ListedFile(NamedTuple):
    """A file as the listing shows it, or a table of BigQuery."""

    path: str
    size: int  # bytes
    version: str  # the time of its last change in nanoseconds; on an object store the store's checksum


class Listing(NamedTuple):
    """The files to read."""

    files: list[ListedFile]
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
    tables = {"data.items.path": data.items, "data.users.path": data.users, "data.impressions.path": data.impressions}
    return {"data.path": data.path, **{setting: table.path for setting, table in tables.items() if table}}


def log_locations(data: DataConfig) -> list[FileLocation]:
    """Return where the files are that the ingestion reads: those of the log and of the table of users.

    Args:
        data: the description of the log.
    """
    log = FileLocation(data.path, data.setting, data.format, data.num_spans)
    return [log, *([FileLocation(data.users.path, data.users.setting, "csv")] if data.users else [])]


def list_files(locations: Sequence[FileLocation], until: int | None = None) -> Listing:
    """List files, of a location with spans those of the newest ones.

    Args:
        locations: where the files are; at most one has spans.
        until: the number of the newest span to read; None for the newest of all.

    Returns:
        The files of each location in turn, in the order of their names.

    Raises:
        InputError: no file matches a setting, what matches cannot be read as files, or a file vanishes meanwhile.
    """
    files, spans = _find_all(locations, until)
    gone = [path for path, file in files.items() if file is None]
    if gone:
        raise _changed([f"{path} has vanished" for path in gone])
    return Listing([file for file in files.values() if file], spans)


def describe_listing(listing: Listing) -> str:
    """Return a text that differs whenever a name, a size, a version or the newest span differs.

    Args:
        listing: the files.

    Returns:
        The number of files, their size, the newest span and the SHA-256 of the listing.

    Example:
        >>> describe_listing(Listing([ListedFile("a.csv", 10, "1"), ListedFile("b.csv", 5, "1")], []))[:24]
        '2 files, 15 bytes, sha25'
    """
    files, digest = listing.files, hashlib.sha256(json.dumps(listing.files).encode()).hexdigest()
    newest = f"newest span {listing.until}, " if listing.spans else ""
    return f"{len(files)} files, {sum(file.size for file in files)} bytes, {newest}sha256 {digest}"


def describe_files(locations: Sequence[FileLocation]) -> str:
    """Return the text of `describe_listing` for the files that are there now.

    Args:
        locations: where the files are.

    Raises:
        InputError: see `list_files`.
    """
    return describe_listing(list_files(locations))


def _list_described(locations: Sequence[FileLocation], described: str) -> Listing:
    """List files again, up to the newest span of an earlier listing, and check that they are the same."""
    newest = _NEWEST.search(described)
    listing = list_files(locations, int(newest[1]) if newest else None)
    if describe_listing(listing) != described:
        raise InputError(
            expected=f"the files of {locations[0].path} that were listed at the start of the run: {described}",
            received=describe_listing(listing),
            remedy="run again, because a file has changed since",
        )
    return listing


@contextmanager
def unchanged_files(locations: Sequence[FileLocation], described: str | None = None) -> Iterator[Listing]:
    """List the files for the block that reads them, and check after it that they are the same.

    A file that changes may cause any error in the block. The error of the check, which names the file, replaces it.

    Args:
        locations: where the files are.
        described: the listing that the files must agree with, from `describe_files`; None for any.

    Yields:
        The files.

    Raises:
        InputError: a file has changed, has vanished or is new. A span after the newest one does not count.
    """
    listing = list_files(locations) if described is None else _list_described(locations, described)
    try:
        yield listing
    finally:
        _check_unchanged(listing, locations)


def _check_unchanged(before: Listing, locations: Sequence[FileLocation]) -> None:
    tables = {path: file for each in locations for path, file in _find_tables(each).items()}
    now = {
        file.path: tables.get(file.path) if file.path.startswith(BIGQUERY) else find_file(file.path)
        for file in before.files
    }
    problems = [
        f"{file.path} has {'changed' if now[file.path] else 'vanished'}"
        for file in before.files
        if now[file.path] != file
    ]
    if not problems:
        found = [*tables, *(path for each in locations for path in _match_files(each, before.until))]
        problems = [f"{path} is new" for path in found if path not in now]
    if problems:
        raise _changed(problems)


def _find_all(
    locations: Sequence[FileLocation], until: int | None
) -> tuple[dict[str, ListedFile | None], list[LogSpan]]:
    """Return the files by path, None for one that is gone, and the spans."""
    files: dict[str, ListedFile | None] = {}
    spans: set[LogSpan] = set()
    for location in locations:
        matched = _match_files(location, until)
        files |= {**_find_tables(location), **{path: find_file(path) for path in matched}}
        if location.num_spans is not None and has_spans(location.path):
            spans.update(find_span(path, location.path) for path in matched)
    return files, sorted(spans)


def _match_files(location: FileLocation, until: int | None) -> tuple[str, ...]:
    """Return the paths of files; BigQuery has none."""
    return () if location.format == "bigquery" else match_log(location, until)


def _find_tables(location: FileLocation) -> dict[str, ListedFile]:
    """Return the tables of BigQuery that a log reads, by their paths."""
    if location.format != "bigquery":
        return {}
    return {table.name: ListedFile(*table) for table in table_versions(location.path)}


def find_file(path: str) -> ListedFile | None:
    """Return a file with its size and version, or None if there is no such file.

    Args:
        path: the file.
    """
    if not is_remote(path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        return ListedFile(path, found.st_size, str(found.st_mtime_ns))
    connect()
    try:
        return ListedFile(path, FileSystems.get_filesystem(path).size(path), str(FileSystems.checksum(path)))
    except Exception:
        if FileSystems.exists(path):
            raise
        return None


def _changed(problems: list[str]) -> InputError:
    return InputError(
        expected="files that stay the same while they are read",
        received="\n  ".join([*problems[:_SHOWN], *["..."] * (len(problems) > _SHOWN)]),
        remedy="run again when no file is written; a file that is moved to its place when it is whole does not change",
    )

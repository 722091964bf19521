"""The files of a log or a table: which ones a path names, and their decompressed content."""

from __future__ import annotations

import bz2
import difflib
import glob
import itertools
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import zstandard
from apache_beam.io.aws.clients.s3.messages import S3ClientError
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components.common.buckets import check_bucket
from components.common.stores import connect, is_remote, list_files
from components.example_gen.sources.options import LogOptions
from components.example_gen.sources.partitions import is_partition
from components.example_gen.sources.spans import names_folders, select_spans, span_glob
from schemas.config.span_pattern import has_spans
from schemas.errors import InputError

READ_BYTES = 1 << 20
_SHOWN = 8  # names of files in a message
_COMPRESSED_READ_BYTES = 1 << 16  # a small part of a compressed file can expand a thousandfold

DECOMPRESSORS: dict[str, Callable[[], Any]] = {  # by the ending of a file's name, in lower case
    ".gz": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16),
    ".deflate": zlib.decompressobj,
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
    ".lzma": lzma.LZMADecompressor,
    ".zst": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(),
    ".zstd": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(),
}


# The endings of the files that a folder stands for, by `data.format`; another ending may say how they are compressed.
ENDINGS = {
    "csv": (".csv", ".tsv", ".txt"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
    "avro": (".avro",),
    "tfrecord": (".tfrecord", ".tfrecords"),
}


def match_log(log: LogOptions, until: int | None = None) -> tuple[str, ...]:
    """Return the files of the log, or of its newest spans; see `match_files`.

    Args:
        log: the path of the log, its format and the number of spans.
        until: the number of the newest span to read; None for the newest of all.

    Raises:
        InputError: no file matches, or one has no number or date in the place of the span.
    """
    setting, endings = f"{log.setting}.path", ENDINGS[log.format]
    if log.num_spans is None or not has_spans(log.path):
        return match_files(log.path, setting, endings)
    found = _find_files(span_glob(log.path), setting, endings, any_folder=names_folders(log.path))
    spans = select_spans(found, log.path, log.num_spans, until)
    if not spans:
        raise _no_span(log.path)
    return tuple(sorted(itertools.chain.from_iterable(spans.values())))


def match_files(path: str, setting: str, endings: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the files that a path or glob names, in the order of their names.

    As in a shell, a wildcard does not match a name that begins with a dot. A folder or file that
    exists under its name as written is taken as written; see `file_pattern`. A folder stands for the
    files in it, and for those in the partitions below it (`dt=2026-11-01/`). The partitions that a
    glob names stand for their files, too.

    Args:
        path: a path, a glob, or the URI of one on a file system that Beam knows.
        setting: the configuration key of the path, for the message of an error.
        endings: the endings of the files that a folder stands for; empty if the path must not be a folder.

    Returns:
        The paths, at least one.

    Raises:
        InputError: no file matches, the path is a folder or a pipe, a name is not UTF-8, the glob has a `**`, or a
            bucket cannot be read.
    """
    found = _find_files(path, setting, endings, any_folder=False)
    if not found:
        raise _no_file_in(path, setting, endings) if os.path.isdir(path) else _no_such_file(path, setting)
    return tuple(sorted(found))


def _find_files(path: str, setting: str, endings: Sequence[str], *, any_folder: bool) -> list[str]:
    """Return the files that a path or glob names; with `any_folder`, also those in the folders that a glob names."""
    if os.path.isdir(path) and not endings:
        raise InputError(
            expected=f"a file or a glob in {setting}",
            received=f"the directory {path}",
            remedy=f"name the files in it, like {os.path.join(path, '*.csv')}",
        )
    if "**" in path:
        # Beam would search all folders below; TFX, which detects changed files, would not.
        raise InputError(
            expected=f"a glob that names each level of folders in {setting}",
            received=path,
            remedy=f"write one * a level, like {path.replace('**', '*')} or {path.replace('**', '*/*')}",
        )
    try:
        if is_remote(path):
            found = _match_remote(path, setting, endings, any_folder=any_folder)
        else:
            found = _match_local(path, endings, any_folder=any_folder)
    except (OSError, ValueError) as error:
        raise InputError(
            expected=f"a path that can be read in {setting}", received=f"{path}: {error}", remedy="check the path"
        ) from None
    for name in found:
        _check_name(name, setting)
        _check_regular(name, setting)
    return found


def file_pattern(path: str) -> str:
    """Return the glob that a configured path stands for, with existing names escaped.

    `*`, `?` and `[...]` are wildcards, unless a folder or file of that very name exists: then it
    is meant. Only a file name with `*` or `?` is always a pattern, because it matches itself, too.

    Args:
        path: a path or glob; the URI of another file system is returned unchanged.

    Returns:
        A pattern that TFX, Beam and Python read in the same way.
    """
    if is_remote(path):
        return path
    parts = path.split("/")
    pattern = list(parts)
    for index, part in enumerate(parts):
        if not re.search(r"[*?\[]", part):
            continue
        always_pattern = index == len(parts) - 1 and ("*" in part or "?" in part)
        if always_pattern or not os.path.exists("/".join(parts[: index + 1])):
            break
        pattern[index] = glob.escape(part)
    return "/".join(pattern)


def _match_local(path: str, endings: Sequence[str], *, any_folder: bool) -> list[str]:
    if os.path.isdir(path):
        return list(_below(path.rstrip("/") or "/", endings))
    found: list[str] = []
    for name in glob.glob(file_pattern(path)):
        if not os.path.isdir(name):
            found.append(name)
        elif endings and (any_folder or is_partition(os.path.basename(name.rstrip("/")))):
            found += _below(name.rstrip("/"), endings)
    return found


def _below(folder: str, endings: Sequence[str]) -> Iterator[str]:
    """Yield the files with these endings in a folder and in the partitions below it."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith("."):
            continue
        if not os.path.isdir(path):
            if _ends_with(name, endings):
                yield path
        elif is_partition(name):
            yield from _below(path, endings)


def _ends_with(name: str, endings: Sequence[str]) -> bool:
    lower = name.lower()
    stem, ending = os.path.splitext(lower)
    return (stem if ending in DECOMPRESSORS else lower).endswith(tuple(endings))


def _match_remote(path: str, setting: str, endings: Sequence[str], *, any_folder: bool) -> list[str]:
    check_bucket(path, setting)
    folder = path.rstrip("/")  # a store lists all objects that begin with a path that ends in a slash
    found = [name for name in list_files(folder) if not _is_hidden(name, folder)]
    if not endings:
        return found
    depth, is_pattern = folder.count("/"), not any_folder and bool(re.search(r"[*?\[]", folder))
    for name in list_files(f"{folder}/**"):
        parts = name.split("/")
        # As on a local disk, each folder below the path is a partition, and so is the one that a glob matches.
        folders = parts[depth + 1 - is_pattern : -1]
        below = len(parts) > depth + 1 and all(map(is_partition, folders)) and not parts[-1].startswith(".")
        if below and not _is_hidden(name, folder) and _ends_with(name, endings):
            found.append(name)
    return found


def _is_hidden(name: str, pattern: str) -> bool:
    """Return whether a name of the path begins with a dot that its part of the pattern does not have."""
    return any(
        part.startswith(".") and not wanted.startswith(".")
        for part, wanted in zip(name.split("/"), pattern.split("/"), strict=False)
    )


def _check_name(name: str, setting: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # bytes that are not UTF-8 are surrogates
        raise InputError(
            expected=f"names of files and folders in UTF-8 in {setting}",
            received=os.fsencode(name).decode("utf-8", "backslashreplace"),
            remedy="rename the file or folder",
        ) from None


def _check_regular(name: str, setting: str) -> None:
    try:
        regular = is_remote(name) or stat.S_ISREG(os.stat(name).st_mode)
    except OSError:
        return  # whoever reads it names it
    if not regular:
        raise InputError(
            expected=f"a file that can be read more than once in {setting}",
            received=f"a pipe or a device: {name}",
            remedy=f"write its content to a file, and set {setting} to that",
        )


def _no_file_in(folder: str, setting: str, endings: Sequence[str]) -> InputError:
    other = [kind for kind, others in ENDINGS.items() if others != tuple(endings) and any(_below(folder, others))]
    remedy = f"set data.format: {other[0]}" if other else "name the files by a glob, like " + os.path.join(folder, "*")
    content = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    shown = ", ".join([*content[:_SHOWN], *["..."] * (len(content) > _SHOWN)])
    return InputError(
        expected=f"files that end in {' or '.join(endings)} in the folder {folder} ({setting})",
        received=shown or "an empty folder",
        remedy=remedy,
    )


def _no_span(pattern: str) -> InputError:
    parts = pattern.split("/")
    last = next(index for index, part in enumerate(parts) if has_spans(part))
    return InputError(
        expected=f"files at {pattern} (data.path), with the number or the date of a span in their paths",
        received="no such file",
        remedy=_no_such_file("/".join(parts[: last + 1]), "data.path").remedy,
    )


def _no_such_file(path: str, setting: str) -> InputError:
    folder, name = os.path.split(path)
    try:
        if is_remote(path):
            siblings = [os.path.basename(file) for file in list_files(f"{folder}/*")]
        else:
            siblings = sorted(os.listdir(folder or "."))
    except OSError:
        remedy = "check the path: its folder does not exist, or cannot be read"
    else:
        near = difflib.get_close_matches(name, siblings, n=1)
        shown = [*siblings[:_SHOWN], *["..."] * (len(siblings) > _SHOWN)]
        content = f"has {', '.join(shown)}" if siblings else "is empty"
        remedy = f"did you mean {os.path.join(folder, near[0])}?" if near else f"check the path: its folder {content}"
    return InputError(expected=f"a file at {path} ({setting})", received="no such file", remedy=remedy)


def is_compressed(path: str) -> bool:
    """Return whether the name of a file has the ending of a compressed file."""
    return os.path.splitext(path)[1].lower() in DECOMPRESSORS


def read_blocks(path: str) -> Generator[bytes, None, None]:
    """Yield the content of a file in blocks; see `blocks_of`.

    Args:
        path: a file on any file system that Beam knows.

    Raises:
        InputError: the file cannot be read, or is compressed and damaged or cut short.
    """
    with open_file(path) as file:
        yield from blocks_of(file, path)


def blocks_of(file: BinaryIO, path: str) -> Iterator[bytes]:
    """Yield the content of an open file in blocks, decompressed by the ending of its name.

    Args:
        file: the file as it is stored.
        path: its name.

    Yields:
        At least `READ_BYTES`; the last block may be shorter.

    Raises:
        InputError: the file is compressed, and damaged or cut short.
    """
    if is_compressed(path):
        return _joined(_decompress(file, path, os.path.splitext(path)[1].lower()), READ_BYTES)
    return iter(lambda: file.read(READ_BYTES), b"")


def file_size(path: str) -> int:
    """Return the bytes of a file as it is stored.

    Args:
        path: a file on any file system that Beam knows.

    Raises:
        InputError: there is no such file.
    """
    try:
        return int(FileSystems.get_filesystem(path).size(path))
    except (OSError, BeamIOError, S3ClientError) as error:
        raise _unreadable(path, error) from None


@contextmanager
def open_file(path: str) -> Iterator[BinaryIO]:
    """Open a file for the block, as it is stored.

    Args:
        path: a file on any file system that Beam knows.

    Yields:
        The file, which can seek.

    Raises:
        InputError: the file cannot be read; this holds for an `OSError` of the block, too.
    """
    try:
        connect()
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            yield file
    except (OSError, S3ClientError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> InputError:
    return InputError(
        expected=f"a file that can be read at {path}",
        received=str(error),
        remedy="check the file and its permissions",
    )


def _joined(parts: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Join small parts into blocks of at least `size` bytes."""
    pending: list[bytes] = []
    length = 0
    for part in parts:
        pending.append(part)
        length += len(part)
        if length >= size:
            yield b"".join(pending)
            pending, length = [], 0
    if length:
        yield b"".join(pending)


def _decompress(file: BinaryIO, path: str, ending: str) -> Iterator[bytes]:
    """Decompress a file of one or more streams, and check that the last one is complete."""
    new = DECOMPRESSORS[ending]
    current, complete = new(), False  # `complete`: at least one stream, and none after it has begun
    try:
        while data := file.read(_COMPRESSED_READ_BYTES):
            while data := data.lstrip(b"\0") if complete else data:  # zeros may fill up the space between streams
                if complete:
                    current, complete = new(), False
                yield current.decompress(data)
                complete = current.eof
                data = current.unused_data if complete else b""
        if not complete:
            raise EOFError("the file ends too early")
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise InputError(
            expected=f"a whole {'gzip' if ending == '.gz' else ending} file at {path}",
            received=str(error),
            remedy="fetch or compress the file again",
        ) from None

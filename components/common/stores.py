"""Files on object stores and on local disks, through Beam's file systems.

TensorFlow reads and writes `gs://` itself, but not `s3://`. Credentials and endpoints are found as the clients of the
stores find them: boto3 in its variables and files (`AWS_ENDPOINT_URL`), Google's client in its default credentials.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

_RAW = CompressionTypes.UNCOMPRESSED  # else Beam compresses and decompresses by the ending of a name


def is_remote(path: str) -> bool:
    """Return whether a path is a URI of another file system.

    Args:
        path: a path or URI.
    """
    return "://" in path


def absolute(path: str) -> str:
    """Return a path that holds in every process of this machine.

    Args:
        path: a path, which may be relative to the working directory, or a URI.

    Example:
        >>> absolute("gs://bucket/models/1")
        'gs://bucket/models/1'
    """
    return path if is_remote(path) else os.path.abspath(path)


def known_to_tensorflow(path: str) -> bool:
    """Return whether TensorFlow reads and writes a path itself.

    Args:
        path: a path or URI.
    """
    return not is_remote(path) or path.startswith("gs://")


@cache
def connect() -> None:
    """Let Beam's file systems work outside of a pipeline. Without options the one of S3 refuses every call."""
    FileSystems.set_options(PipelineOptions([]))


def list_files(pattern: str) -> list[str]:
    """List the files that a pattern matches.

    Args:
        pattern: a path or URI; `*` does not match a "/", and `**` does.

    Returns:
        The files, sorted; empty if there is none.
    """
    return sorted(path for path in _match(pattern) if not path.endswith("/"))


def list_folder_objects(folder: str) -> list[str]:
    """Return the objects that stand for a folder and the folders in it. TensorFlow and Google's web page make them.

    Args:
        folder: a URI.
    """
    return sorted(path for path in _match(f"{folder}/**") if path.endswith("/"))


def _match(pattern: str) -> list[str]:
    connect()
    return [found.path for found in FileSystems.match([pattern])[0].metadata_list]


def file_exists(path: str) -> bool:
    """Return whether there is a file, or a local folder, of this name.

    Args:
        path: a path or URI.
    """
    connect()
    return bool(FileSystems.exists(path))


def read_bytes(path: str) -> bytes | None:
    """Return the content of a small file.

    Args:
        path: a path or URI.

    Returns:
        The content, or None if there is no such file.
    """
    if not file_exists(path):
        return None
    with FileSystems.open(path, compression_type=_RAW) as file:
        content: bytes = file.read()
    return content


def write_bytes(path: str, content: bytes) -> None:
    """Write a small file.

    Args:
        path: a path or URI; its folder is made.
        content: the content.
    """
    connect()
    with FileSystems.create(path, compression_type=_RAW) as file:
        file.write(content)


def copy_file(source: str, target: str) -> None:
    """Copy a file, between any two file systems. On an object store it appears when it is whole.

    Args:
        source: the file.
        target: the new file; its folder is made.
    """
    connect()
    with (
        FileSystems.open(source, compression_type=_RAW) as read,
        FileSystems.create(target, compression_type=_RAW) as written,
    ):
        shutil.copyfileobj(read, written)


def copy_folder(source: str, target: str, last: str | None = None) -> None:
    """Copy all files of a folder, between any two file systems.

    Args:
        source: the folder.
        target: the new folder.
        last: the name of a file that must be written after all others.
    """
    files = list_files(f"{source}/**")
    for file in sorted(files, key=lambda file: file == f"{source}/{last}"):
        copy_file(file, f"{target}/{file[len(source) + 1 :]}")


def delete_files(paths: list[str]) -> None:
    """Delete files. A file that is gone already is no error.

    Args:
        paths: paths or URIs.
    """
    connect()
    if paths:
        FileSystems.delete(paths)


@contextmanager
def readable_by_tensorflow(folder: str) -> Iterator[str]:
    """Give the block a folder that TensorFlow can read: the folder itself, or a copy of it for `s3://`.

    Args:
        folder: a path or URI.

    Yields:
        The path. A copy is removed when the block ends.
    """
    if known_to_tensorflow(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory() as copy:
        copy_folder(folder, copy)
        yield copy

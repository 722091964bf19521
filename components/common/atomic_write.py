"""Files that are there whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def atomic_write(path: str, scratch: str) -> Iterator[str]:
    """Gives a name to write to; when the block ends well, the file takes its place at `path`.

    So a file is there whole or not at all, and one that is written twice at
    once, by a runner that retries, is the one or the other.

    Args:
        path: where the file belongs.
        scratch: a directory of the same file system for unfinished files.
    """
    unfinished = f"{scratch}/{uuid.uuid4().hex}"
    tf.io.gfile.makedirs(scratch)
    yield unfinished
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    tf.io.gfile.rename(unfinished, path, overwrite=True)

"""Atomic writes to any file system that TensorFlow knows."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from schemas.errors import InputError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def atomic_write(path: str, scratch: str) -> Iterator[str]:
    """Give the block a temporary name, and move what it wrote there to `path` when the block ends.

    A reader sees the whole file or folder, or none. Two writers of the same path, for example a
    worker and its retry, leave the result of one of them. After an error in the block, `path` is
    unchanged. An object store renames by copying, so that a folder appears file by file there.

    Args:
        path: the final place. A file there is replaced; a folder must not exist yet.
        scratch: a folder for unfinished files, on the same file system as `path`.

    Yields:
        A path below `scratch` for the block to write, as a file or as a folder.

    Raises:
        InputError: the disk is full, or its folder cannot be written.

    Example:
        >>> with atomic_write("/tmp/out/a.txt", "/tmp/out/unfinished") as unfinished:  # doctest: +SKIP
        ...     Path(unfinished).write_text("whole")
    """
    unfinished = f"{scratch}/{uuid.uuid4().hex}"
    with explained(path):
        tf.io.gfile.makedirs(scratch)
        yield unfinished
        tf.io.gfile.makedirs(path.rpartition("/")[0])
        if tf.io.gfile.isdir(unfinished):
            tf.io.gfile.rename(unfinished, path)
        else:
            tf.io.gfile.rename(unfinished, path, overwrite=True)


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Explain errors of the block that writes a path.

    Args:
        path: the file or folder.

    Raises:
        InputError: the disk is full, or its folder cannot be written.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        message = _cannot_write(path, error)
        if message is None:
            raise
        raise message from None


def _cannot_write(path: str, error: OSError | tf.errors.OpError) -> InputError | None:
    """Return a message for a full disk or a missing permission; None for an error of another kind."""
    code = getattr(error, "errno", None)
    if code in _NO_SPACE or isinstance(error, tf.errors.ResourceExhaustedError):
        expected, action = f"space on the disk of {path}", "free space there"
    elif code in _NO_PERMISSION or isinstance(error, tf.errors.PermissionDeniedError):
        expected, action = f"a folder that can be written for {path}", "change its permissions"
    else:
        return None
    return InputError(
        expected=expected,
        received=str(error),
        remedy=f"{action}, or choose another folder: --root, or TMPDIR for temporary files",
    )

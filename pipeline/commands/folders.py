"""Folders of the commands: new ones for results, temporary ones, and those with rejected rows."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from schemas.errors import InputError

_NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOENT)


def check_new_folder(folder: Path, option: str) -> None:
    """Check that a folder can be made.

    Args:
        folder: the folder.
        option: the option that names it.

    Raises:
        InputError: it exists, or its parent cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        folder.rmdir()  # it is made again with its first file
    except OSError as error:
        raise InputError(
            expected=f"a new folder in {option}: {folder}",
            received=error.strerror or str(error),
            remedy="give a folder that does not exist yet, in a writable folder",
        ) from None


def copy_rejected(folder: Path, target: Path) -> None:
    """Copy the files with rejected rows.

    Args:
        folder: the folder with the files; it may not exist.
        target: the folder of the option `--rejected`.

    Raises:
        InputError: the files cannot be written.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*")):
            shutil.copy(path, target)
    except OSError as error:
        raise InputError(
            expected=f"space for the rejected rows in {target}",
            received=error.strerror or str(error),
            remedy="free some space there, or give another folder in --rejected",
        ) from None


@contextmanager
def temporary_folder() -> Iterator[str]:
    """Make a temporary folder for the block, and report one that is full or cannot be written.

    Yields:
        The folder.

    Raises:
        InputError: the folder is full or cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="temporec-") as folder:
            yield folder
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if isinstance(error, OSError) and error.errno not in _NOT_WRITABLE:
            raise
        raise InputError(
            expected=f"a writable folder of temporary files with free space: {tempfile.tempdir or 'none was found'}",
            received=str(error).partition("\n")[0],
            remedy="free some space there, or set the variable TMPDIR to another folder",
        ) from None

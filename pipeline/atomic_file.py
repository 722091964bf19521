"""Atomic writes of local files, with the standard library only: installation writes before packages are there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is complete or does not change at all, even if the process is killed.

    The content goes to a partial file in the same folder, and replaces the target in one step.

    Args:
        path: the file; its folder must exist.
        content: the new content of the file.

    Raises:
        OSError: the file cannot be written; the partial file is removed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomically(Path(folder, "stamp"), b"ready")
        ...     print([path.name for path in Path(folder).iterdir()])
        ['stamp']
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):  # there is no partial file where the folder is missing
            partial.unlink()
        raise

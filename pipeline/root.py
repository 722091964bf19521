"""What a run leaves in its root for whoever asks of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import tensorflow as tf

from schemas.errors import InputError

RECORD, REPORT = "run.json", "report.html"


def read_record(root: Path) -> dict[str, Any]:
    """What the last run of a root recorded.

    Raises:
        InputError: there was none.
    """
    try:
        return dict(json.loads((root / RECORD).read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            expected=f"a root with a finished run: {root / RECORD}",
            received=error.strerror or str(error),
            remedy="give the --root of a `temporec run` that has ended",
        ) from None


def require_folders(root: Path, folders: Iterable[str]) -> None:
    """Raises InputError where a root lacks a folder that its last run wrote."""
    for folder in folders:
        if not tf.io.gfile.isdir(folder):
            raise InputError(
                expected=f"what the run of {root / RECORD} wrote",
                received=f"no folder {folder}",
                remedy="run it again with the same root: what is there still comes from the cache",
            )


def write_whole(path: Path, text: str) -> None:
    """Writes a file that is there as a whole or not at all.

    Raises:
        InputError: the path is a folder, or cannot be written.
    """
    partial = Path(f"{path}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):  # where a folder on the way is none, there is nothing to remove
            partial.unlink()
        raise InputError(
            expected=f"a file that can be written at {path}",
            received=error.strerror or str(error),
            remedy="give another path, or change who may write there",
        ) from None

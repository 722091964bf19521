"""What a run leaves in its root for whoever asks of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import tensorflow as tf
from pydantic import ValidationError

from schemas.config import Config
from schemas.errors import InputError

RECORD, REPORT = "run.json", "report.html"
_AGAIN = "run it again with the same root: what is there still comes from the cache"


class _Recorded(dict[str, Any]):
    """An object of a record; what it lacks, some other version of temporec did not write."""

    def __missing__(self, key: str) -> NoReturn:
        raise InputError(
            expected=f"a {RECORD} as this version of temporec writes it",
            received=f"one of another version, which lacks {key!r}",
            remedy=_AGAIN,
        )


def read_record(root: Path) -> dict[str, Any]:
    """What the last run of a root recorded; whoever asks it for a key that it lacks gets an InputError.

    Raises:
        InputError: there was none, or its record cannot be read.
    """
    path = root / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"), object_hook=_Recorded)
    except OSError as error:
        raise InputError(
            expected=f"a root with a finished run: {path}",
            received=error.strerror or str(error),
            remedy="give the --root of a `temporec run` that has ended",
        ) from None
    except ValueError as error:
        raise InputError(expected=f"JSON in {path}", received=str(error), remedy=_AGAIN) from None
    if not isinstance(record, _Recorded):
        raise InputError(expected=f"a JSON object in {path}", received=type(record).__name__, remedy=_AGAIN)
    return record


def recorded_config(record: Mapping[str, Any]) -> Config:
    """The configuration of a run.

    Raises:
        InputError: it has settings that are not known, or lacks some.
    """
    try:
        return Config.model_validate(record["config"])
    except ValidationError as error:
        settings = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors())
        raise InputError(
            expected=f"a {RECORD} with settings that this version of temporec knows",
            received=f"one of another version, with {settings}",
            remedy=_AGAIN,
        ) from None


def require_folders(root: Path, folders: Iterable[str]) -> None:
    """Raises InputError where a root lacks a folder that its last run wrote."""
    for folder in folders:
        if not tf.io.gfile.isdir(folder):
            raise InputError(
                expected=f"what the run of {root / RECORD} wrote",
                received=f"no folder {folder}",
                remedy=_AGAIN,
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

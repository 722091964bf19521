"""Reading the files of a finished run in its root."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from pipeline.atomic_file import write_atomically
from schemas.config import Config
from schemas.errors import InputError

RECORD, REPORT = "run.json", "report.html"
_AGAIN = "repeat `temporec run` with the same root; unchanged results come from the cache"


class _Recorded(dict[str, Any]):
    """An object of a record. A missing key means that another version of temporec wrote the record."""

    def __missing__(self, key: str) -> NoReturn:
        raise InputError(
            expected=f"a {RECORD} as this version of temporec writes it",
            received=f"a {RECORD} of another version, which lacks {key!r}",
            remedy=_AGAIN,
        )


def read_record(root: Path) -> dict[str, Any]:
    """Return the record of the last run in a root; a missing key raises an InputError.

    A root may have been moved or renamed since. Then paths of its files are changed to the present root.

    Args:
        root: the root of a run.

    Returns:
        The content of `run.json`.

    Raises:
        InputError: the root has no finished run, or its record cannot be read.
    """
    path = root / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"), object_hook=_Recorded)
    except OSError as error:
        raise InputError(
            expected=f"a root with a finished run: {path}",
            received=error.strerror or str(error),
            remedy="give the --root of a finished `temporec run`",
        ) from None
    except ValueError as error:
        raise InputError(expected=f"JSON in {path}", received=str(error), remedy=_AGAIN) from None
    if not isinstance(record, _Recorded):
        raise InputError(expected=f"a JSON object in {path}", received=type(record).__name__, remedy=_AGAIN)
    before = record.get("root")
    return _relocated(record, f"{before}/", root.absolute()) if before not in (None, str(root.absolute())) else record


def _relocated(value: Any, before: str, root: Path) -> Any:
    """Replace each path below the former root by the same path below the present root, if it exists there."""
    if isinstance(value, dict):
        return type(value)((key, _relocated(each, before, root)) for key, each in value.items())
    if isinstance(value, list):
        return [_relocated(each, before, root) for each in value]
    if isinstance(value, str) and value.startswith(before):
        path = root / value.removeprefix(before)
        return str(path) if path.exists() else value
    return value


def recorded_config(record: Mapping[str, Any]) -> Config:
    """Return the configuration of a run.

    Args:
        record: the content of `run.json`.

    Returns:
        The validated configuration.

    Raises:
        InputError: the record has unknown settings, or lacks some.
    """
    try:
        return Config.model_validate(record["config"])
    except ValidationError as error:
        settings = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors())
        raise InputError(
            expected=f"a {RECORD} with the settings of this version of temporec",
            received=f"a {RECORD} of another version, with {settings}",
            remedy=_AGAIN,
        ) from None


def require_folders(root: Path, folders: Iterable[str]) -> None:
    """Check that the folders of a run still exist.

    Args:
        root: the root of the run.
        folders: folders that its record names.

    Raises:
        InputError: a folder does not exist.
    """
    for folder in folders:
        if not os.path.isdir(folder):
            raise InputError(
                expected=f"the folders that {root / RECORD} names",
                received=f"no folder {folder}",
                remedy=_AGAIN,
            )


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, and make its folder.

    Args:
        path: the file; it is replaced if it exists.
        text: the new content.

    Raises:
        InputError: the path is a folder, or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise InputError(
            expected=f"a file that can be written at {path}",
            received=error.strerror or str(error),
            remedy="give another path, or change the permissions of its folder",
        ) from None

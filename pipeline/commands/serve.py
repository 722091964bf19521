"""`temporec serve` for a folder of versions on an object store: a local copy of the newest version is served."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from components.common.background import repeated
from components.common.buckets import check_bucket
from components.common.stores import copy_folder
from components.common.versions import whole_versions

POLL_INTERVAL_S = 5.0
_UNFINISHED = "unfinished"

_log = logging.getLogger("temporec.serving")


@contextmanager
def local_versions(models: str, poll_interval_s: float = POLL_INTERVAL_S) -> Iterator[Path]:
    """Give the block a local folder that follows the newest version on an object store.

    Args:
        models: the URI of the folder of versions.
        poll_interval_s: the time between two looks, in seconds.

    Yields:
        The local folder. It is removed when the block ends.

    Raises:
        InputError: the bucket cannot be listed.
    """
    check_bucket(models, "--model-base-path")
    with TemporaryDirectory() as name:
        folder = Path(name)
        copy_newest(models, folder)
        failure = f"{models} cannot be read, the served version stays"
        with repeated(lambda: copy_newest(models, folder), poll_interval_s, _log, failure):
            yield folder


def copy_newest(models: str, folder: Path) -> None:
    """Copy the newest whole version to a local folder, where it appears in one step, and remove older ones.

    Args:
        models: the folder of versions, on any file system that Beam knows.
        folder: the local folder.
    """
    newest = whole_versions(models)[:1]
    for version in newest:
        if (folder / str(version)).exists():
            continue
        shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
        copy_folder(f"{models}/{version}", str(folder / _UNFINISHED))
        older = sorted((path for path in folder.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
        (folder / _UNFINISHED).rename(folder / str(version))
        for path in older[:-1]:  # the last one is served until the new one is loaded
            shutil.rmtree(path)

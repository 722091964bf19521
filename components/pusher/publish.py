"""A saved model becomes a version next to the served ones, so that no server loads a part of it."""

from __future__ import annotations

import shutil
import time

from components.common.atomic_write import atomic_write
from components.common.stores import copy_folder, delete_files, is_remote, list_files
from components.common.versions import GRAPH, same_fingerprint, version_numbers, whole_versions

SCRATCH = ".temporec-unfinished"  # not an integer, so TensorFlow Serving does not take it for a version


def publish(model: str, base_directory: str) -> str:
    """Publish a saved model, unless the highest whole version is a copy of it.

    Args:
        model: the folder of the saved model.
        base_directory: the folder of the versions, on any file system that Beam knows.

    Returns:
        The path of the version.
    """
    base_directory = base_directory.rstrip("/")
    whole = whole_versions(base_directory)
    if whole and same_fingerprint(served := f"{base_directory}/{whole[0]}", model):
        _remove_unfinished(base_directory, whole)
        return served
    return publish_version(model, base_directory)


def publish_version(model: str, base_directory: str) -> str:
    """Copy a saved model to `base_directory/<version>`, so that a server never loads a part of it.

    The version is the time in unix seconds, or one more than the highest existing version. What an interrupted push
    left behind is removed.

    On a local file system a version appears in one step, by a rename. An object store has no rename, so
    `saved_model.pb` is written last there: without it, a server does not load a version.

    Args:
        model: the folder of the saved model.
        base_directory: the folder of the versions, on any file system that Beam knows.

    Returns:
        The path of the version.
    """
    _remove_unfinished(base_directory, whole_versions(base_directory))
    version = max([int(time.time()), *(number + 1 for number in version_numbers(base_directory))])
    path = f"{base_directory}/{version}"
    if is_remote(base_directory):
        copy_folder(model, path, last=GRAPH)
        return path
    scratch = f"{base_directory}/{SCRATCH}"
    with atomic_write(path, scratch) as unfinished:
        copy_folder(model, unfinished)
    shutil.rmtree(scratch)
    return path


def _remove_unfinished(base_directory: str, whole: list[int]) -> None:
    if is_remote(base_directory):
        for number in version_numbers(base_directory):
            if number not in whole:
                delete_files(list_files(f"{base_directory}/{number}/**"))
    else:
        shutil.rmtree(f"{base_directory}/{SCRATCH}", ignore_errors=True)

"""Checkpoints on an object store that TensorFlow cannot write, like `s3://`: a local folder and its copy there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import tensorflow as tf

from components.common.background import repeated
from components.common.stores import copy_file, copy_folder, delete_files, known_to_tensorflow, list_files, write_bytes

POLL_INTERVAL_S = 2.0
_STATE = "checkpoint"  # TensorFlow's file that names the newest checkpoint of a folder


@contextmanager
def local_checkpoints(folder: str, poll_interval_s: float = POLL_INTERVAL_S) -> Iterator[str]:
    """Give the block a folder for checkpoints that survives the machine.

    The block finds the checkpoints that an interrupted training left behind. What it saves is copied, and what it
    removes is removed from the store when it ends without an error.

    Args:
        folder: the folder of the checkpoints, on any file system that Beam knows.
        poll_interval_s: the time between two looks for a new checkpoint, in seconds.

    Yields:
        The folder itself, or a local folder if TensorFlow cannot write there.
    """
    if known_to_tensorflow(folder):
        yield folder
        return
    with TemporaryDirectory() as local:
        copy_folder(folder, local)
        copied: dict[Path, str] = {}

        def copy() -> None:
            _copy_new(Path(local), folder, copied)

        failure = f"a checkpoint was not copied to {folder}"  # perhaps it was replaced during the copy
        with repeated(copy, poll_interval_s, logging.getLogger(), failure, at_end=True):
            yield local
        kept = {f"{folder}/{path.relative_to(local)}" for path in Path(local).rglob("*")}
        delete_files([file for file in list_files(f"{folder}/**") if file not in kept])


def _copy_new(local: Path, folder: str, copied: dict[Path, str]) -> None:
    """Copy the newest checkpoint of each folder: its name is written last, older files are removed after that."""
    for state in local.rglob(_STATE):
        content, newest = state.read_bytes(), tf.train.latest_checkpoint(str(state.parent))
        if newest is None or copied.get(state) == newest or state.read_bytes() != content:
            continue
        target = os.path.dirname(f"{folder}/{state.relative_to(local)}")
        names = [path.name for path in Path(newest).parent.glob(f"{os.path.basename(newest)}.*")]
        for name in names:
            copy_file(str(state.parent / name), f"{target}/{name}")
        write_bytes(f"{target}/{_STATE}", content)  # not the file: it may name a later checkpoint by now
        kept = {f"{target}/{name}" for name in [*names, _STATE]}
        delete_files([file for file in list_files(f"{target}/*") if file not in kept])
        copied[state] = newest

"""Checkpoints on an object store that TensorFlow cannot write, like `s3://`: a local folder and its copy there."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import tensorflow as tf

from components.common.stores import copy_file, copy_folder, delete_files, is_remote, list_files

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
    if not is_remote(folder) or folder.startswith("gs://"):
        yield folder
        return
    ended = threading.Event()

    def follow() -> None:
        uploaded: dict[Path, str] = {}
        is_last = False
        while not is_last:
            is_last = ended.wait(poll_interval_s)
            try:
                _copy_new(Path(local), folder, uploaded)
            except Exception as error:  # a checkpoint that is replaced during the copy, or a store without an answer
                logging.warning("a checkpoint was not copied to %s, next try in a moment: %s", folder, error)

    with TemporaryDirectory() as local:
        copy_folder(folder, local)
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield local
        finally:
            ended.set()
            thread.join()
        kept = {f"{folder}/{path.relative_to(local)}" for path in Path(local).rglob("*")}
        delete_files([file for file in list_files(f"{folder}/**") if file not in kept])


def _copy_new(local: Path, folder: str, uploaded: dict[Path, str]) -> None:
    """Copy the newest checkpoint of each folder: its name is written last, older files are removed after that."""
    for state in local.rglob(_STATE):
        newest = tf.train.latest_checkpoint(str(state.parent))
        if newest is None or uploaded.get(state) == newest:
            continue
        target = f"{folder}/{state.parent.relative_to(local)}"
        names = [path.name for path in Path(newest).parent.glob(f"{os.path.basename(newest)}.*")]
        for name in [*names, _STATE]:
            copy_file(str(state.parent / name), f"{target}/{name}")
        kept = {f"{target}/{name}" for name in [*names, _STATE]}
        delete_files([file for file in list_files(f"{target}/*") if file not in kept])
        uploaded[state] = newest

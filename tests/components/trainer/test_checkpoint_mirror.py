"""Checkpoints on a real S3 server, written by a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import tensorflow as tf

from components.common.stores import list_files
from components.trainer.checkpoint_mirror import local_checkpoints
from tests.object_store import BUCKET, object_store

FOLDER = f"s3://{BUCKET}/checkpoints"
# It counts further from where an earlier process was, saves each count, and prints it when the store has it.
TRAINING = f"""
import time
import tensorflow as tf
from components.common.stores import read_bytes
from components.trainer.checkpoint_mirror import local_checkpoints

with local_checkpoints("{FOLDER}", poll_interval_s=0.1) as folder:
    count = tf.Variable(0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(count=count), folder + "/settings", max_to_keep=1)
    manager.restore_or_initialize()
    while True:
        count.assign_add(1)
        manager.save()
        while b"ckpt-%d" % int(count) not in (read_bytes("{FOLDER}/settings/checkpoint") or b""):
            time.sleep(0.05)
        print(int(count), flush=True)
"""


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    with object_store(tmp_path / "store"):
        yield


def count_until(last: int) -> int:
    """Start the training, kill it after it printed a count, and return the first one."""
    command = [sys.executable, "-c", TRAINING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        counts = []
        for line in process.stdout:
            counts.append(int(line))
            if counts[-1] >= last:
                break
        os.kill(process.pid, signal.SIGKILL)
    return counts[0]


def test_killed_training_goes_on_from_the_store() -> None:
    assert count_until(4) == 1
    names = [name.rsplit("/", 1)[1] for name in list_files(f"{FOLDER}/settings/*")]
    assert "checkpoint" in names
    assert len(names) <= 5  # at most two checkpoints, of an index and one file of values
    assert 5 <= count_until(5) <= 6  # the one after 4 may have been copied, too


def test_end_without_an_error_removes_what_the_training_removed() -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="checkpoints/settings/checkpoint", Body=b"")
    with local_checkpoints(FOLDER) as folder:
        assert (Path(folder) / "settings" / "checkpoint").exists()
        tf.io.gfile.rmtree(f"{folder}/settings")
    assert list_files(f"{FOLDER}/**") == []


def save_and_fail() -> None:
    with local_checkpoints(FOLDER) as folder:
        tf.train.CheckpointManager(tf.train.Checkpoint(count=tf.Variable(1)), folder, max_to_keep=1).save()
        raise ValueError("not finite")


def test_error_keeps_the_checkpoints() -> None:
    with pytest.raises(ValueError, match="not finite"):
        save_and_fail()
    assert f"{FOLDER}/checkpoint" in list_files(f"{FOLDER}/*")


def test_folder_that_tensorflow_can_write_is_given_itself(tmp_path: Path) -> None:
    for folder in (str(tmp_path), "gs://bucket/checkpoints"):
        with local_checkpoints(folder) as given:
            assert given == folder

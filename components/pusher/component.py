"""Pusher whose versions appear whole: copied beside, then renamed."""

from __future__ import annotations

import os
import time

import tensorflow as tf
from tfx.components.pusher import executor
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, proto_utils

from components.common.atomic_write import atomic_write
from components.common.tfx_types import Artifacts, Properties

SCRATCH = ".unfinished"  # not an integer, so TensorFlow Serving does not take it for a version


class PusherExecutor(executor.Executor):
    """TFX's Pusher, but for how it writes: no server ever sees half a version."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Pushes a blessed model; a model that was not blessed is marked as not pushed."""
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        model = self.GetModelPath(input_dict)
        version = publish(model, destination.filesystem.base_directory)
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=version, pushed_version=os.path.basename(version))


class AtomicPusher(Pusher):
    """TFX's Pusher with the executor above; its arguments are the same."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PusherExecutor)


def publish(model: str, base_directory: str) -> str:
    """Copies a saved model to `base_directory/<version>` in one visible step, and returns that path.

    Where the highest version is this model already, nothing is copied and its path returned.

    The version is the time in unix seconds, or one more than the highest there
    is. What an interrupted push left behind is removed. On a local file system
    the step is atomic; on an object store, where renaming copies, TensorFlow
    Serving retries until the version is whole.
    """
    tf.io.gfile.makedirs(base_directory)
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(base_directory)]
    scratch = os.path.join(base_directory, SCRATCH)
    if tf.io.gfile.exists(scratch):
        tf.io.gfile.rmtree(scratch)
    versions = [int(name) for name in names if name.isdecimal()]
    if versions:
        served = os.path.join(base_directory, str(max(versions)))
        if _are_one_export(served, model):
            return served
    version = max([int(time.time()), *(version + 1 for version in versions)])
    path = os.path.join(base_directory, str(version))
    with atomic_write(path, scratch) as unfinished:
        io_utils.copy_dir(model, unfinished)
    tf.io.gfile.rmtree(scratch)
    return path


def _are_one_export(*models: str) -> bool:
    """Whether saved models are copies of each other, by the fingerprint that TensorFlow gives each export."""
    paths = [os.path.join(model, "fingerprint.pb") for model in models]
    if not all(map(tf.io.gfile.exists, paths)):
        return False
    fingerprints = set()
    for path in paths:
        with tf.io.gfile.GFile(path, "rb") as file:
            fingerprints.add(file.read())
    return len(fingerprints) == 1

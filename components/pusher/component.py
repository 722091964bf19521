"""The Pusher: it copies a blessed model next to the served versions, so that no server loads a part of it."""

from __future__ import annotations

import os
import shutil
import time

from tfx.components.pusher import executor
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, proto_utils

from components.common.atomic_write import atomic_write
from components.common.stores import copy_folder, delete_files, is_remote, list_files
from components.common.tfx_types import Artifacts, Properties
from components.common.versions import GRAPH, same_fingerprint, version_numbers, whole_versions

SCRATCH = ".temporec-unfinished"  # not an integer, so TensorFlow Serving does not take it for a version


class PusherExecutor(executor.Executor):
    """TFX's Pusher with another way of writing: a server never sees half of a version."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Push a blessed model, or mark a model without blessing as not pushed.

        Args:
            input_dict: `model` and `model_blessing`.
            output_dict: `pushed_model`.
            exec_properties: `push_destination`.
        """
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
    """The component that publishes a blessed model as a version for TensorFlow Serving.

    It takes the arguments of TFX's `Pusher`, and differs in its executor, `PusherExecutor`.

    Args:
        model: the model, a channel of `Model`.
        model_blessing: the blessing of `ModelGate`, a channel of `ModelBlessing`.
        push_destination: the base directory of the versions.

    Example:
        >>> from tfx.types import Channel, standard_artifacts
        >>> folder = pusher_pb2.PushDestination.Filesystem(base_directory="runs/shop/models")
        >>> pusher = AtomicPusher(
        ...     model=Channel(type=standard_artifacts.Model),
        ...     model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ...     push_destination=pusher_pb2.PushDestination(filesystem=folder),
        ... )
        >>> list(pusher.outputs)
        ['pushed_model']
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PusherExecutor)


def publish(model: str, base_directory: str) -> str:
    """Copy a saved model to `base_directory/<version>`, so that a server never loads a part of it.

    The version is the time in unix seconds, or one more than the highest existing version. If the highest whole
    version is a copy of this model, nothing is copied. What an interrupted push left behind is removed.

    On a local file system a version appears in one step, by a rename. An object store has no rename, so
    `saved_model.pb` is written last there: without it, a server does not load a version.

    Args:
        model: the folder of the saved model.
        base_directory: the folder of the versions, on any file system that Beam knows.

    Returns:
        The path of the version.
    """
    base_directory = base_directory.rstrip("/")
    whole = whole_versions(base_directory)
    _remove_unfinished(base_directory, whole)
    if whole and same_fingerprint(served := f"{base_directory}/{whole[0]}", model):
        return served
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

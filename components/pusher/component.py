"""The Pusher: it copies a blessed model next to the served versions, so that no server loads a part of it."""

from __future__ import annotations

import os

from tfx.components.pusher import executor
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, proto_utils

from components.common.tfx_types import Artifacts, Properties
from components.pusher.publish import publish


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

"""The model that a candidate is compared with: the one that is served."""

from __future__ import annotations

import os
from typing import ClassVar

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components.common.looker import SEEN, Looker, LookerDriver, LookerExecutor
from components.common.tfx_types import Artifacts, Properties
from components.common.versions import judged_model, same_fingerprint, whole_versions


def previous_version(models: str, candidate: str) -> str:
    """Find the newest version that is not a copy of the candidate.

    A version that is a copy of the candidate was pushed by an earlier run of the same pipeline. The comparison is
    then with the model that was served before. Of a refitted version, its judged model counts: the refitted one has
    seen the test split.

    Args:
        models: the base path of the pushed versions; it may not exist yet.
        candidate: the folder of the candidate's saved model.

    Returns:
        The folder of the version, or of the judged model inside it; "" if there is none.
    """
    folders = (judged_model(os.path.join(models, str(version))) for version in whole_versions(models))
    return next((folder for folder in folders if not same_fingerprint(folder, candidate)), "")


class _ServedModelLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """Find the version to compare with.

        Args:
            inputs: the candidate, as `model`.
            properties: the base path of the pushed versions, as `models`.

        Returns:
            The result of `previous_version`.
        """
        candidate = path_utils.serving_model_path(artifact_utils.get_single_uri(inputs["model"]))
        return previous_version(properties["models"], candidate)


class ServedModelDriver(_ServedModelLooker, LookerDriver):
    """Driver that finds the version."""


class ServedModelExecutor(_ServedModelLooker, LookerExecutor):
    """Executor that finds the version."""


class ServedModelSpec(ComponentSpec):
    """The parameter, the input and the output of `ServedModel`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"models": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {"model": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class ServedModel(BaseComponent):
    """The component that finds the served model, below the base path that TensorFlow Serving watches.

    TFX's `LatestBlessedModelStrategy` takes the blessed model that was trained last. Another model may have been
    pushed again since. Kubeflow Pipelines runs no resolvers, so this is an ordinary component: every orchestrator
    compares with the same model.

    Args:
        model: the candidate.
        models: the base path of the pushed versions.

    Example:
        >>> candidate = Channel(type=standard_artifacts.Model)
        >>> list(ServedModel(candidate, models="runs/shop/models").outputs)
        ['seen']
    """

    SPEC_CLASS = ServedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ServedModelExecutor)
    DRIVER_CLASS = ServedModelDriver

    def __init__(self, model: BaseChannel, models: str) -> None:
        super().__init__(ServedModelSpec(model=model, models=models, seen=Channel(type=standard_artifacts.String)))

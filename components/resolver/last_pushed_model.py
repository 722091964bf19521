"""The previous model: which one a candidate is compared with, and where its files are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, TypeAlias

import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.types.channel import BaseChannel
from tfx.utils import path_utils

from components.common.previous_model import missing_previous_model, set_copy
from components.common.tfx_types import Artifacts

MlmdArtifact: TypeAlias = metadata_store_pb2.Artifact


class LastOtherBlessedModel(tfx.dsl.experimental.ResolverStrategy):
    """The strategy that takes the blessed model that was pushed last, and is therefore served, except the candidate.

    TFX's `LatestBlessedModelStrategy` takes the blessed model that was trained last. Another model may have been
    pushed again since. A second run of an unchanged pipeline would also compare the candidate with itself.

    All pushes of the metadata store count, in other words of the root, also those of a pipeline with another name.
    If the model's own folder is missing, the strategy looks for a copy among the pushed versions.

    Args:
        models: the base path of the pushed versions. The root may have been moved since they were pushed.

    Example:
        >>> resolver = tfx.dsl.Resolver(
        ...     strategy_class=LastOtherBlessedModel,
        ...     config={"models": "runs/shop/models"},
        ...     model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        ...     candidate=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),  # a trainer's output
        ... )
        >>> sorted(resolver.outputs)
        ['candidate', 'model']
    """

    def __init__(self, models: str) -> None:
        self._models = models

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Artifacts:
        """Return the inputs with the previous model as the only `model`, or with none.

        Args:
            store: the metadata store.
            input_dict: `candidate`, the model that is about to be evaluated, and `model`, which is replaced.

        Returns:
            The artifacts by the same keys.
        """
        candidates = {candidate.id for candidate in input_dict["candidate"]}
        for push in _pushes(store):
            model = _pushed_model(store, push)
            if model.id not in candidates:
                (kind,) = store.get_artifact_types_by_id([model.type_id])
                previous = artifact_utils.deserialize_artifact(kind, model)
                copy = _find_folder(store, model, self._models)
                if copy and copy != path_utils.serving_model_path(model.uri):
                    set_copy(previous, copy)
                return {**input_dict, "model": [previous]}
        return {**input_dict, "model": []}


def previous_model(
    strategy: type[tfx.dsl.experimental.ResolverStrategy], candidate: BaseChannel, models: str
) -> tfx.dsl.Resolver:
    """Make the node that chooses the previous model.

    Args:
        strategy: `LastOtherBlessedModel`, or TFX's `LatestBlessedModelStrategy`, which knows no candidate.
        candidate: the model that is about to be evaluated.
        models: the base path of the pushed versions.

    Returns:
        The node, with the output `model`.
    """
    types = tfx.types.standard_artifacts
    model = tfx.dsl.Channel(type=types.Model)
    if strategy is LastOtherBlessedModel:
        node = tfx.dsl.Resolver(strategy_class=strategy, config={"models": models}, model=model, candidate=candidate)
    else:
        blessing = tfx.dsl.Channel(type=types.ModelBlessing)
        node = tfx.dsl.Resolver(strategy_class=strategy, model=model, model_blessing=blessing)
    return node.with_id("BlessedModel")


def require_last_pushed_model(store: Any, models: str) -> None:
    """Check before a training that the model exists that its result will be compared with.

    Args:
        store: the metadata store.
        models: the base path of the pushed versions.

    Raises:
        InputError: the model that was pushed last is missing, and so are all copies of it.
    """
    push = next(_pushes(store), None)
    if push:
        model = _pushed_model(store, push)
        if not _find_folder(store, model, models):
            raise missing_previous_model(os.path.join(models, push.custom_properties["pushed_version"].string_value))


def _pushes(store: Any) -> Iterator[MlmdArtifact]:
    """Yield what was really pushed, newest first."""
    pushes = store.get_artifacts_by_type(tfx.types.standard_artifacts.PushedModel.TYPE_NAME)
    for push in sorted(pushes, key=lambda each: each.id, reverse=True):
        if push.custom_properties["pushed"].int_value:
            yield push


def _pushed_model(store: Any, push: MlmdArtifact) -> MlmdArtifact:
    """Return the model that the Pusher received. Only the events know it."""
    event = metadata_store_pb2.Event
    (made,) = (each for each in store.get_events_by_artifact_ids([push.id]) if each.type == event.OUTPUT)
    (model,) = (
        each.artifact_id
        for each in store.get_events_by_execution_ids([made.execution_id])
        if each.type == event.INPUT and each.path.steps[0].key == "model"
    )
    (artifact,) = store.get_artifacts_by_id([model])
    return artifact


def _find_folder(store: Any, model: MlmdArtifact, models: str) -> str | None:
    """Return the first folder that exists: the model's own, its newest version, or the Pusher's copy."""
    folders = [path_utils.serving_model_path(model.uri)]
    for push in _pushes(store):
        if _pushed_model(store, push).id == model.id:
            folders += [os.path.join(models, push.custom_properties["pushed_version"].string_value), push.uri]
    return next(filter(tf.io.gfile.isdir, folders), None)

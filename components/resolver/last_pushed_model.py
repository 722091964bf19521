"""Which model a candidate is compared with."""

from __future__ import annotations

from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.types import Artifact
from tfx.types.channel import BaseChannel

from components.common.tfx_types import Artifacts


class LastOtherBlessedModel(tfx.dsl.experimental.ResolverStrategy):
    """The blessed model that was pushed last and so is served, the candidate aside.

    TFX's `LatestBlessedModelStrategy` gives the model trained last of all that
    were ever blessed, though another may have been pushed again since, and the
    candidate itself as soon as it has been blessed: a second run of an
    unchanged pipeline would evaluate it again, against itself. Inputs: `model`
    and `pushed_model`, all of them, and `candidate`, the model about to be
    evaluated.
    """

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Artifacts:
        """Keeps the model and what was pushed of it, or nothing where there is none."""
        candidates = {candidate.id for candidate in input_dict["candidate"]}
        others = {model.id: model for model in input_dict["model"] if model.id not in candidates}
        pushes = [push for push in input_dict["pushed_model"] if push.get_int_custom_property("pushed")]
        for push in sorted(pushes, key=lambda each: each.id, reverse=True):
            if model := others.get(_model_of(store, push)):
                return {**input_dict, "model": [model], "pushed_model": [push]}
        return {**input_dict, "model": [], "pushed_model": []}


def blessed_model(strategy: type[tfx.dsl.experimental.ResolverStrategy], candidate: BaseChannel) -> tfx.dsl.Resolver:
    """The node that finds the model, given the strategy above or TFX's own, which knows no candidate."""
    types = tfx.types.standard_artifacts
    channels = {"model": tfx.dsl.Channel(type=types.Model)}
    if strategy is LastOtherBlessedModel:
        channels |= {"pushed_model": tfx.dsl.Channel(type=types.PushedModel), "candidate": candidate}
    else:
        channels |= {"model_blessing": tfx.dsl.Channel(type=types.ModelBlessing)}
    return tfx.dsl.Resolver(strategy_class=strategy, **channels).with_id("BlessedModel")


def _model_of(store: Any, push: Artifact) -> int:
    """The id of the model that the Pusher had been given: it notes none, and the metadata know."""
    event = metadata_store_pb2.Event
    (made,) = (each for each in store.get_events_by_artifact_ids([push.id]) if each.type == event.OUTPUT)
    (given,) = (
        each.artifact_id
        for each in store.get_events_by_execution_ids([made.execution_id])
        if each.type == event.INPUT and each.path.steps[0].key == "model"
    )
    return int(given)

"""The Evaluator as a TFX component: a model, the one blessed before it and the baselines on the test split."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tfx import v1 as tfx
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import Artifact, artifact_utils, component_spec
from tfx.types.channel import BaseChannel
from tfx.utils import path_utils

from components.baseline_tables import read_catalogue
from components.evaluation import evaluate
from components.results import QUERIES, read_results
from components.summary import summarize, write_summary
from components.systems import Sources
from schemas.evaluation import Evaluation
from schemas.features import TEST


class Executor(BaseBeamExecutor):
    """Runs `evaluate`, and sums up what it found."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Fills the `evaluation` artifact: TFMA's files, `queries/` and `summary.json`."""
        evaluation = Evaluation.model_validate_json(exec_properties["settings"])
        output = artifact_utils.get_single_uri(output_dict["evaluation"])
        counts = artifact_utils.get_single_uri(input_dict["counts"])
        (examples,) = artifact_utils.get_split_uris(input_dict["examples"], TEST)
        models = [
            path_utils.serving_model_path(model.uri)
            for name in ("model", "previous")
            for model in input_dict.get(name, [])
        ]
        catalogue = read_catalogue(counts)
        floors = json.loads(exec_properties["floors"])
        with self._make_beam_pipeline() as pipeline:
            evaluate(pipeline, evaluation, examples, Sources(counts, *models), len(catalogue), floors, output)
        write_summary(output, summarize(read_results(f"{output}/{QUERIES}"), catalogue, evaluation))


class _Spec(component_spec.ComponentSpec):
    PARAMETERS: ClassVar = {
        "settings": component_spec.ExecutionParameter(type=str),
        "floors": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "examples": component_spec.ChannelParameter(type=tfx.types.standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=tfx.types.standard_artifacts.Model),
        "previous": component_spec.ChannelParameter(type=tfx.types.standard_artifacts.Model, optional=True),
        "counts": component_spec.ChannelParameter(type=tfx.types.standard_artifacts.ModelEvaluation),
    }
    OUTPUTS: ClassVar = {
        "evaluation": component_spec.ChannelParameter(type=tfx.types.standard_artifacts.ModelEvaluation)
    }


class Evaluator(base_component.BaseComponent):
    """TFMA over the exported model, as TFX's own Evaluator, with what that cannot: baselines, and values a query.

    Args:
        examples: with a test split.
        model: to judge.
        previous: the model to compare with, or none.
        counts: of the component Baselines.
        evaluation: what to measure.
        floors: by metric, what TFMA's validation requires.
        code: a digest of the sources that are run, part of the cache key.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        previous: BaseChannel,
        counts: BaseChannel,
        evaluation: Evaluation,
        floors: dict[str, float],
        code: str,
    ) -> None:
        output = tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelEvaluation)
        super().__init__(
            _Spec(
                examples=examples,
                model=model,
                previous=previous,
                counts=counts,
                settings=evaluation.model_dump_json(),
                floors=json.dumps(floors),
                code=code,
                evaluation=output,
            )
        )

"""The Evaluator as a TFX component."""

import json

import apache_beam as beam
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.baselines.tables import read_catalogue
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.summary import write_evaluation_summary
from components.evaluator.systems import Sources
from schemas.config.evaluation import EvaluatorConfig
from schemas.features import TEST


@tfx.dsl.components.component(use_beam=True)
def Evaluator(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    counts: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    evaluation: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    settings: tfx.dsl.components.Parameter[str],
    floors: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
    previous: tfx.dsl.components.Parameter[str] = "",
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
):
    """Evaluate an exported model on the test split, together with the previous model and the baselines.

    TFX's own Evaluator runs TFMA only. This component also evaluates baselines, and keeps the values of each query.

    Args:
        examples: the examples of the log, with a test split.
        model: the model to judge.
        counts: the counts of the component `Baselines`.
        evaluation: receives TFMA's files, `queries/` and `summary.json`.
        settings: an `EvaluatorConfig` as JSON.
        floors: metric -> lowest value that TFMA's validation accepts, as JSON.
        code: the digest of the sources, as a part of the cache key.
        previous: the folder of the saved model to compare with, the output of `ServedModel`; "" if there is none.
        beam_pipeline: the pipeline that the steps are added to.

    Raises:
        InputError: the previous model cannot be loaded.

    Example:
        >>> types = tfx.types.standard_artifacts
        >>> evaluator = Evaluator(
        ...     examples=tfx.dsl.Channel(type=types.Examples),
        ...     model=tfx.dsl.Channel(type=types.Model),
        ...     counts=tfx.dsl.Channel(type=types.ModelEvaluation),
        ...     settings="{}",  # EvaluatorConfig(...).model_dump_json()
        ...     floors="{}",
        ...     code="",
        ... )
        >>> list(evaluator.outputs)
        ['evaluation']
    """
    measured = EvaluatorConfig.model_validate_json(settings)
    (test,) = artifact_utils.get_split_uris([examples], TEST)
    catalogue = read_catalogue(counts.uri)
    with beam_pipeline as pipeline:
        sources = Sources(counts.uri, path_utils.serving_model_path(model.uri), previous or None)
        evaluate(pipeline, measured, test, sources, len(catalogue), json.loads(floors), evaluation.uri)
    write_evaluation_summary(evaluation.uri, catalogue, measured)

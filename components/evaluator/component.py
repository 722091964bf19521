"""The Evaluator as a TFX component."""

import json

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.baselines.tables import read_catalogue
from components.common.stores import absolute
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.expiry import read_expiry
from components.evaluator.summary import write_evaluation_summary
from components.evaluator.systems import Sources, load_model
from schemas.config.evaluation import EvaluatorConfig
from schemas.features import TEST


@component(use_beam=True)
def Evaluator(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    model: InputArtifact[standard_artifacts.Model],
    counts: InputArtifact[standard_artifacts.ModelEvaluation],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    settings: Parameter[str],
    floors: Parameter[str],
    code: Parameter[str],
    previous: Parameter[str] = "",
    items: InputArtifact[standard_artifacts.ModelEvaluation] = None,
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
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
        items: the output of the component `ItemTable`; none if the evaluation reads no column of it.
        beam_pipeline: the pipeline that the steps are added to.

    Raises:
        InputError: the previous model cannot be loaded.

    Example:
        >>> from tfx.types import Channel
        >>> evaluator = Evaluator(
        ...     examples=Channel(type=standard_artifacts.Examples),
        ...     model=Channel(type=standard_artifacts.Model),
        ...     counts=Channel(type=standard_artifacts.ModelEvaluation),
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
        compared = absolute(previous) if previous else None
        sources = Sources(counts.uri, path_utils.serving_model_path(model.uri), compared, items and items.uri)
        evaluate(pipeline, measured, test, sources, len(catalogue), json.loads(floors), evaluation.uri)
    expiry = read_expiry(load_model(sources.model), catalogue)
    write_evaluation_summary(evaluation.uri, catalogue, measured, expiry)

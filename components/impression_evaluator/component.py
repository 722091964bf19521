"""Adaptor: the evaluation by impression as a TFX component."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.impression_evaluator.evaluate_impressions import evaluate_impressions
from schemas.config.impressions import ImpressionEvaluatorConfig


@component
def ImpressionEvaluator(  # type: ignore[no-untyped-def]
    impressions: InputArtifact[standard_artifacts.ModelEvaluation],
    model: InputArtifact[standard_artifacts.Model],
    counts: InputArtifact[standard_artifacts.ModelEvaluation],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    settings: Parameter[str],
    code: Parameter[str],
):
    """Score the items of the test impressions with the model to judge, next to the popularity baselines.

    Args:
        impressions: the artifact of the component Impressions.
        model: the model to judge.
        counts: the counts of the component `Baselines`.
        evaluation: receives `impressions.parquet` and `summary.json`.
        settings: an `ImpressionEvaluatorConfig` as JSON.
        code: the digest of the sources; it is not used, but is part of the cache key.
    """
    config = ImpressionEvaluatorConfig.model_validate_json(settings)
    saved = path_utils.serving_model_path(model.uri)
    evaluate_impressions(impressions.uri, saved, counts.uri, config, evaluation.uri)

"""The Evaluator as a TFX component: a model, the one blessed before it and the baselines on the test split."""

import json

import apache_beam as beam
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.baselines.tables import read_catalogue
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.summary import write_evaluation_summary
from components.evaluator.systems import Sources
from schemas.config.evaluation import EvaluatorConfig
from schemas.errors import InputError
from schemas.features import TEST


@tfx.dsl.components.component(use_beam=True)
def Evaluator(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    counts: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    evaluation: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    settings: tfx.dsl.components.Parameter[str],  # an `EvaluatorConfig` as JSON
    floors: tfx.dsl.components.Parameter[str],  # by metric, what TFMA's validation requires, as JSON
    code: tfx.dsl.components.Parameter[str],  # the digest of the sources: only there to be part of the cache key
    # The model to compare with: a project's first run has none.
    previous: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model] = None,
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
):
    """TFMA over the exported model, as TFX's own, with what that cannot: baselines, and values a query.

    `evaluation` gets TFMA's files, `queries/` and `summary.json`.

    Raises:
        InputError: the previous model's folder is gone.
    """
    measured = EvaluatorConfig.model_validate_json(settings)
    (test,) = artifact_utils.get_split_uris([examples], TEST)
    models = [path_utils.serving_model_path(each.uri) for each in (model, previous) if each]
    if previous and not tf.io.gfile.isdir(models[-1]):
        raise InputError(
            expected=f"the last blessed model, which the new one is compared with, in {models[-1]}",
            received="no such folder",
            remedy="put it back, or a copy of what was pushed of it, or give another --root",
        )
    catalogue = read_catalogue(counts.uri)
    with beam_pipeline as pipeline:
        sources = Sources(counts.uri, *models)
        evaluate(pipeline, measured, test, sources, len(catalogue), json.loads(floors), evaluation.uri)
    write_evaluation_summary(evaluation.uri, catalogue, measured)

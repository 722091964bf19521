"""Adaptor: the counts of the baselines as a TFX component."""

import json

import apache_beam as beam
from tfx import v1 as tfx

from components.baselines.count_pipeline import count_baselines
from schemas.config.log import Feature


@tfx.dsl.components.component(use_beam=True)
def Baselines(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    counts: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    features: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
):
    """Count the baselines' tables on the train split.

    Args:
        examples: the examples of all splits.
        counts: the tables; `components.baselines.tables` lists the files.
        features: the further columns, as a JSON list of `Feature`.
        code: the digest of the sources; it is not used, but is part of the cache key.
        beam_pipeline: the pipeline that counts, made by TFX.
    """
    described = [Feature.model_validate(feature) for feature in json.loads(features)]
    with beam_pipeline as pipeline:
        count_baselines(pipeline, examples.uri, counts.uri, described)

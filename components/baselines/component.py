"""Baselines as a TFX component: what a model must be seen beside."""

import json

import apache_beam as beam
from tfx import v1 as tfx

from components.baselines.count_pipeline import count_baselines
from schemas.config.log import Feature


@tfx.dsl.components.component(use_beam=True)
def Baselines(  # type: ignore[no-untyped-def]
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    counts: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelEvaluation],
    features: tfx.dsl.components.Parameter[str],  # the further columns of items, as JSON
    code: tfx.dsl.components.Parameter[str],  # the digest of the sources: only there to be part of the cache key
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
):
    """Counts what the baselines go by on the train split; see `components.baselines.tables` for the files."""
    described = [Feature.model_validate(feature) for feature in json.loads(features)]
    with beam_pipeline as pipeline:
        count_baselines(pipeline, examples.uri, counts.uri, described)

"""Adaptor: the counts of the baselines as a TFX component."""

import json

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.baselines.count_pipeline import count_baselines
from schemas.config.log import Feature


@component(use_beam=True)
def Baselines(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    counts: OutputArtifact[standard_artifacts.ModelEvaluation],
    features: Parameter[str],
    split: Parameter[str],
    code: Parameter[str],
    half_life_s: Parameter[float] = 0.0,
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Count the baselines' tables on a split of training examples.

    Args:
        examples: the examples of all splits.
        counts: the tables; `components.baselines.tables` lists the files.
        features: the further columns, as a JSON list of `Feature`.
        split: the split whose examples are counted, `train` or `refit`.
        code: the digest of the sources; it is not used, but is part of the cache key.
        half_life_s: of the weights of interactions in recent popularity; 0 for a tenth of all interactions.
        beam_pipeline: the pipeline that counts, made by TFX.
    """
    described = [Feature.model_validate(feature) for feature in json.loads(features)]
    with beam_pipeline as pipeline:
        count_baselines(pipeline, examples.uri, counts.uri, described, split, half_life_s or None)

"""Adaptor: sentence vectors of the table of items as a TFX component."""

import json

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.sentence_vectors.write_vectors import write_sentence_vectors
from schemas.config.tables import SentenceVectorsConfig


@component(use_beam=True)
def SentenceVectors(  # type: ignore[no-untyped-def]
    items: InputArtifact[standard_artifacts.ModelEvaluation],
    described_items: OutputArtifact[standard_artifacts.ModelEvaluation],
    settings: Parameter[str],
    code: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Add the vectors of texts to the table of items.

    Args:
        items: the artifact of the component ItemTable.
        described_items: receives the table with further columns; see `write_sentence_vectors`.
        settings: by the name of a column, a `SentenceVectorsConfig`, as JSON.
        code: the digest of the sources; it is not used, but is part of the cache key.
        beam_pipeline: the pipeline that encodes, made by TFX.
    """
    configs = {name: SentenceVectorsConfig.model_validate(each) for name, each in json.loads(settings).items()}
    write_sentence_vectors(beam_pipeline, items.uri, described_items.uri, configs)

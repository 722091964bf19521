"""Adaptor: the log of impressions as a TFX component."""

import logging

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.example_gen.listing import unchanged_files
from components.example_gen.sources.options import FileLocation
from components.impressions.write_impressions import write_impressions
from schemas.config.impressions import ImpressionLogConfig


@component
def Impressions(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    impressions: OutputArtifact[standard_artifacts.ModelEvaluation],
    settings: Parameter[str],
    files: Parameter[str],
    code: Parameter[str],
):
    """Read and validate the log of impressions, and divide it at the times of the split.

    Args:
        examples: the examples of the log of interactions, with the times of the split.
        impressions: receives a file for each split, `report.json` and the rejected rows; see `write_impressions`.
        settings: an `ImpressionLogConfig` as JSON.
        files: the output of `InputFiles`.
        code: the digest of the sources; it is not used, but is part of the cache key.
    """
    config = ImpressionLogConfig.model_validate_json(settings)
    with unchanged_files([FileLocation.of(config.impressions)], files):
        report = write_impressions(config, examples.uri, impressions.uri)
    for warning in report.warnings():
        logging.warning(warning)

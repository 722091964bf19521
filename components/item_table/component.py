"""Adaptor: the table of items as a TFX component."""

import logging

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.example_gen.listing import unchanged_files
from components.example_gen.sources.options import FileLocation
from components.item_table.write_items import write_items
from schemas.config.tables import ItemTableConfig


@component
def ItemTable(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    items: OutputArtifact[standard_artifacts.ModelEvaluation],
    settings: Parameter[str],
    files: Parameter[str],
    code: Parameter[str],
):
    """Read and validate the table of items, and compare it with the items of the log.

    Args:
        examples: the examples of the log, with the counts of its items.
        items: receives `items.parquet`, `report.json` and the rejected rows; see `write_items`.
        settings: an `ItemTableConfig` as JSON.
        files: the output of `InputFiles`.
        code: the digest of the sources; it is not used, but is part of the cache key.
    """
    config = ItemTableConfig.model_validate_json(settings)
    with unchanged_files([FileLocation.of(config.items)], files):
        report = write_items(config, examples.uri, items.uri)
    for warning in report.warnings():
        logging.warning(warning)

"""Runs of TFX that list and read a table, with the real looker, component, cache and metadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.common.looker import SEEN
from components.example_gen.sources.options import FileOptions
from components.example_gen.table_files import TableFiles
from pipeline.runners.local import ComponentRun, LocalRunner
from schemas.config import BeamConfig
from schemas.config.section import Section


def run_reader(
    root: Path, log: BaseNode, reader: Callable[..., Any], settings: Section, table: FileOptions
) -> ComponentRun:
    """Run the components that list and read a table after one that writes examples; return the reader's run."""
    files = TableFiles(table)
    read = reader(
        examples=log.outputs["examples"],
        settings=settings.model_dump_json(),
        files=files.outputs[SEEN].future()[0].value,
        code="1",
    )
    pipeline = Pipeline(
        pipeline_name="table",
        pipeline_root=str(root),
        components=[log, files, read],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
    )
    return LocalRunner(lambda *_: None, lambda _: None, BeamConfig()).run(pipeline)[-1]

"""Runs of TFX that list and read a table, with the real looker, component, cache and metadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.common.looker import SEEN
from components.example_gen.input_files import InputFiles
from components.example_gen.sources.options import FileLocation, FileOptions
from pipeline.runners.local import ComponentRun, LocalRunner
from schemas.config import BeamConfig
from schemas.config.section import Section


def run_reader(
    root: Path, log: BaseNode, reader: Callable[..., Any], settings: Section, table: FileOptions, listed: Any = None
) -> ComponentRun:
    """Run the components that list and read a table after one that writes examples; return the reader's run.

    Args:
        root: the folder of the pipeline.
        log: the component with examples.
        reader: the component that reads the table.
        settings: its settings.
        table: where the files are.
        listed: a text that the reader takes instead of the listing.
    """
    files = InputFiles([FileLocation.of(table)])
    read = reader(
        examples=log.outputs["examples"],
        settings=settings.model_dump_json(),
        files=listed or files.outputs[SEEN].future()[0].value,
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

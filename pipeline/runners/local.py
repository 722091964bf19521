"""Runs the pipeline on this machine, component after component, with the metadata store in SQLite."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils, tfx_runner
from tfx.proto.orchestration import pipeline_pb2

from components.resolver.last_pushed_model import LastOtherBlessedModel, require_last_pushed_model
from pipeline.create_pipeline import Locations, create_pipeline
from pipeline.runners.beam_options import BEAM_ARGS
from schemas.config import Config

_NEVER_CACHED = ("Pusher",)  # another model may have been pushed since it last had the same inputs


@dataclass(frozen=True)
class ComponentRun:
    """One component's part in a run; artifacts by output key."""

    component: str
    cached: bool
    seconds: float
    outputs: dict[str, metadata_store_pb2.Artifact] = field(default_factory=dict)


class LocalRunner(tfx_runner.IrBasedRunner):
    """TFX's local orchestration, telling what it does.

    Args:
        on_start: called with each component's name and place (from 0) and the number of components.
        on_end: called when a component is done.
    """

    def __init__(self, on_start: Callable[[str, int, int], None], on_end: Callable[[ComponentRun], None]) -> None:
        self._on_start = on_start
        self._on_end = on_end

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: Any = None) -> list[ComponentRun]:
        """Runs each component in topological order; raises what a component raises."""
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = deployment.metadata_connection_config
        store = metadata.Metadata(getattr(connection, connection.WhichOneof("connection_config")))
        runs = []
        for index, node in enumerate(pipeline.nodes):
            name = node.pipeline_node.node_info.id
            if name in _NEVER_CACHED:
                node.pipeline_node.execution_options.caching_options.enable_cache = False
            self._on_start(name, index, len(pipeline.nodes))
            start = time.monotonic()
            execution = launcher.Launcher(
                pipeline_node=node.pipeline_node,
                mlmd_connection=store,
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
            ).launch()
            runs.append(_component_run(store, name, execution.execution_id, time.monotonic() - start))
            self._on_end(runs[-1])
        return runs


def _component_run(store: metadata.Metadata, name: str, execution_id: int, seconds: float) -> ComponentRun:
    with store as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
        state = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
        if state not in ("COMPLETE", "CACHED"):
            raise RuntimeError(f"component {name} ended as {state}; its inputs could not be resolved")
        outputs = {
            event.path.steps[0].key: event.artifact_id
            for event in handle.store.get_events_by_execution_ids([execution_id])
            if event.type in (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)
        }
        artifacts = {artifact.id: artifact for artifact in handle.store.get_artifacts_by_id(list(outputs.values()))}
    return ComponentRun(name, state == "CACHED", seconds, {key: artifacts[id_] for key, id_ in outputs.items()})


def run_locally(config: Config, root: Path, runner: LocalRunner) -> list[ComponentRun]:
    """Run the whole pipeline in a root.

    Args:
        config: what to build, with absolute paths.
        root: the folder for artifacts, metadata and models.
        runner: runs the components.

    Returns:
        The run of each component, in order.

    Raises:
        InputError: the model that was pushed last is missing, and so are all copies of it.
    """
    root.mkdir(parents=True, exist_ok=True)
    locations = Locations(artifacts=str(root / "artifacts"), models=str(root / "models"))
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))
    with metadata.Metadata(connection) as handle:
        require_last_pushed_model(handle.store, locations.models)
    return runner.run(
        create_pipeline(
            config,
            locations,
            compare_with=LastOtherBlessedModel,
            metadata_connection_config=connection,
            beam_args=BEAM_ARGS,
        )
    )

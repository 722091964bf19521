"""The local runner: it runs one component after the other, with the metadata store in SQLite."""

from __future__ import annotations

import datetime
import functools
import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils, tfx_runner
from tfx.proto import pusher_pb2
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2
from tfx.utils import path_utils, proto_utils

from components.common.versions import same_fingerprint, whole_versions
from pipeline.create_pipeline import Locations, create_pipeline
from pipeline.records.open_root import working_directory
from pipeline.runners.beam_executor import BeamOperator
from pipeline.runners.beam_options import beam_args
from pipeline.runners.large_batches import read_large_batches
from pipeline.runners.lost_workers import fail_with_lost_workers
from pipeline.runners.state_sampling import end_stages_promptly
from pipeline.runners.step_inspection import inspect_steps_once
from schemas.config import BeamConfig, Config

_PUSHER = "Pusher"
# TFX looks for cached results and pushed models of the same pipeline name only. All runs of a root have this one, so a
# change of the setting `name` hides nothing.
_PIPELINE_NAME = "temporec"


@dataclass(frozen=True)
class ComponentRun:
    """The run of one component.

    Args:
        component: its name.
        cached: whether its outputs come from the cache.
        seconds: the time that it took.
        outputs: its artifacts, by output key.
    """

    component: str
    cached: bool
    seconds: float
    outputs: dict[str, metadata_store_pb2.Artifact] = field(default_factory=dict)


class LocalRunner(tfx_runner.IrBasedRunner):
    """TFX's local orchestration with progress callbacks.

    Args:
        on_start: called with each component's name, its index (from 0) and the number of components.
        on_end: called with each component's run when it has ended.
        beam: the engine. Its options are not in the pipeline, so a change of them repeats no component.
        parameters: further parameters of the components with Beam, which are not in the pipeline either.
    """

    def __init__(
        self,
        on_start: Callable[[str, int, int], None],
        on_end: Callable[[ComponentRun], None],
        beam: BeamConfig,
        parameters: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        fail_with_lost_workers()
        read_large_batches()
        inspect_steps_once()
        end_stages_promptly()
        _exempt_modules()
        self._on_start = on_start
        self._on_end = on_end
        operator = functools.partial(BeamOperator, args=beam_args(beam), parameters=parameters)
        self._operators = {executable_spec_pb2.BeamExecutableSpec: operator}

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: Any = None) -> list[ComponentRun]:
        """Run each component in topological order; the error of a component is raised unchanged.

        Args:
            pipeline: the compiled pipeline.
            run_options: unused; part of TFX's interface.

        Returns:
            The runs of the components, in order.

        Raises:
            RuntimeError: the inputs of a component could not be resolved.
        """
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = deployment.metadata_connection_config
        store = metadata.Metadata(getattr(connection, connection.WhichOneof("connection_config")))
        runs: list[ComponentRun] = []
        for index, node in enumerate(pipeline.nodes):
            name = node.pipeline_node.node_info.id
            if name == _PUSHER and not _is_served(node.pipeline_node, runs):
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
                custom_executor_operators=self._operators,
            ).launch()
            looked = name in deployment.custom_driver_specs  # a looker looks, even if it sees what it saw before
            run = _component_run(store, name, execution.execution_id, time.monotonic() - start)
            runs.append(replace(run, cached=run.cached and not looked))
            self._on_end(runs[-1])
        return runs


@functools.cache
def _exempt_modules() -> None:
    """Exempt all objects so far from garbage collection. A full one takes half a second for those of the modules."""
    gc.freeze()


def _is_served(pusher: pipeline_pb2.PipelineNode, runs: list[ComponentRun]) -> bool:
    """Return whether the newest pushed version is the model of this run. Someone may have removed it since."""
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(pusher.parameters.parameters["push_destination"].field_value.string_value, destination)
    models = destination.filesystem.base_directory
    (channel,) = pusher.inputs.inputs["model"].channels
    (model,) = (run.outputs[channel.output_key].uri for run in runs if run.component == channel.producer_node_query.id)
    newest = whole_versions(models)[:1]
    return any(same_fingerprint(f"{models}/{version}", path_utils.serving_model_path(model)) for version in newest)


def _component_run(store: metadata.Metadata, name: str, execution_id: int, seconds: float) -> ComponentRun:
    with store as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
        state = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
        if state not in ("COMPLETE", "CACHED"):
            raise RuntimeError(f"{name} ended in state {state}: its inputs could not be resolved")
        outputs = {
            event.path.steps[0].key: event.artifact_id
            for event in handle.store.get_events_by_execution_ids([execution_id])
            if event.type in (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)
        }
        artifacts = {artifact.id: artifact for artifact in handle.store.get_artifacts_by_id(list(outputs.values()))}
    return ComponentRun(name, state == "CACHED", seconds, {key: artifacts[id_] for key, id_ in outputs.items()})


def run_locally(config: Config, root: Path, runner: LocalRunner, last: str | None = None) -> list[ComponentRun]:
    """Run the pipeline in a root.

    The working directory is the root during the run, and all paths in ML Metadata are relative to it. So the
    cache of a root stays valid when the root is moved or renamed.

    Args:
        config: the configuration; its paths must be absolute.
        root: the root; it must exist.
        runner: the runner.
        last: the last component to run; None for the whole pipeline.

    Returns:
        The runs of the components, in order. Their artifacts' URIs are relative to the root.
    """
    connection = metadata.sqlite_metadata_connection_config(str(root.absolute() / "metadata.sqlite"))
    locations = Locations(root="", models="models")
    with working_directory(root):
        return runner.run(
            create_pipeline(
                config,
                locations,
                pipeline_name=_PIPELINE_NAME,
                metadata_connection_config=connection,
                last=last,
            )
        )

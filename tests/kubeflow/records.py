"""The records of one run in the metadata store: backend/src/v2/metadata/client.go in github.com/kubeflow/pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

DAG, CONTAINER = "system.DAGExecution", "system.ContainerExecution"
OUTPUT = mlmd.Event.OUTPUT


class Records:
    """The records of one run.

    Args:
        port: the port of the metadata store.
        pipeline: the name of the pipeline.
        run: the id of the run.
        parameters: the parameters of the run.
    """

    def __init__(self, port: int, pipeline: str, run: str, parameters: Mapping[str, Any]) -> None:
        self._store = MetadataStore(mlmd.MetadataStoreClientConfig(host="localhost", port=port))
        self._contexts = [self._context("system.Pipeline", pipeline), self._context("system.PipelineRun", run)]
        above, below = (context.id for context in self._contexts)
        self._store.put_parent_contexts([mlmd.ParentContext(child_id=below, parent_id=above)])
        root = mlmd.Execution(name=f"run/{run}", type_id=self._store.put_execution_type(mlmd.ExecutionType(name=DAG)))
        inputs = root.custom_properties["inputs"].struct_value
        inputs.SetInParent()  # the store aborts at a property without a value
        inputs.update(parameters)
        self._root: int = self._store.put_execution(root, [], self._contexts)[0]

    def parameter(self, name: str) -> struct_pb2.Value:
        """Return a parameter of the run."""
        (root,) = self._store.get_executions_by_id([self._root])
        return root.custom_properties["inputs"].struct_value.fields[name]

    def create(self, task: str, inputs: spec_pb2.ExecutorInput.Inputs, fingerprint: str) -> int:
        """Record that a task starts, and return the id of its execution."""
        kind = self._store.put_execution_type(mlmd.ExecutionType(name=CONTAINER))
        execution = mlmd.Execution(type_id=kind, last_known_state=mlmd.Execution.RUNNING)
        execution.custom_properties["task_name"].string_value = task
        execution.custom_properties["cache_fingerprint"].string_value = fingerprint
        execution.custom_properties["parent_dag_id"].int_value = self._root
        for name, value in inputs.parameter_values.items():
            execution.custom_properties["inputs"].struct_value.fields[name].CopyFrom(value)
        read = [
            _event(name, mlmd.Event.INPUT, int(artifact.name))
            for name, artifacts in inputs.artifacts.items()
            for artifact in artifacts.artifacts
        ]
        identity: int = self._store.put_execution(execution, [(None, event) for event in read], self._contexts)[0]
        return identity

    def publish(
        self,
        identity: int,
        artifacts: Iterable[tuple[str, int]],
        parameters: Mapping[str, struct_pb2.Value],
        state: int,
    ) -> None:
        """Record that a task has ended, with the ids of its artifacts."""
        (execution,) = self._store.get_executions_by_id([identity])
        execution.last_known_state = state
        for name, value in parameters.items():
            execution.custom_properties["outputs"].struct_value.fields[name].CopyFrom(value)
        written = [(None, _event(name, OUTPUT, artifact)) for name, artifact in artifacts]
        self._store.put_execution(execution, written, self._contexts)

    def add_artifact(self, name: str, artifact: spec_pb2.RuntimeArtifact, session: str) -> int:
        """Record an artifact (RecordArtifact), and return its id. Every number becomes a double."""
        title = artifact.type.schema_title or artifact.type.instance_schema.split()[1]
        kind = self._store.put_artifact_type(mlmd.ArtifactType(name=title))
        recorded = mlmd.Artifact(type_id=kind, uri=artifact.uri, state=mlmd.Artifact.LIVE)
        values = {"display_name": name, "store_session_info": session} | json_format.MessageToDict(artifact.metadata)
        for key, value in values.items():
            if isinstance(value, str):
                recorded.custom_properties[key].string_value = value
            elif isinstance(value, dict):
                recorded.custom_properties[key].struct_value.update({"struct": value})
            else:
                recorded.custom_properties[key].double_value = value
        (identity,) = self._store.put_artifacts([recorded])
        return int(identity)

    def execution_of(self, task: str) -> int:
        """Return the id of the execution of a task in this run."""
        found = self._store.get_executions_by_context(self._contexts[1].id)
        (identity,) = (each.id for each in found if each.custom_properties["task_name"].string_value == task)
        return int(identity)

    def state_of(self, task: str) -> str:
        """Return the state of the execution of a task in this run."""
        (execution,) = self._store.get_executions_by_id([self.execution_of(task)])
        return str(mlmd.Execution.State.Name(execution.last_known_state))

    def parameters_of(self, identity: int) -> dict[str, struct_pb2.Value]:
        """Return the output parameters of an execution, also of another run."""
        (execution,) = self._store.get_executions_by_id([identity])
        return dict(execution.custom_properties["outputs"].struct_value.fields)

    def artifacts_of(self, identity: int) -> dict[str, spec_pb2.RuntimeArtifact]:
        """Return the output artifacts of an execution, without their types (GetOutputArtifactsByExecutionId)."""
        events = self._store.get_events_by_execution_ids([identity])
        names = {event.artifact_id: event.path.steps[0].key for event in events if event.type == OUTPUT}
        return {names[each.id]: _to_runtime(each) for each in self._store.get_artifacts_by_id(names)}

    def _context(self, kind: str, name: str) -> mlmd.Context:
        found = self._store.get_context_by_type_and_name(kind, name)
        if found is None:
            context = mlmd.Context(name=name, type_id=self._store.put_context_type(mlmd.ContextType(name=kind)))
            self._store.put_contexts([context])
            found = self._store.get_context_by_type_and_name(kind, name)
        return found


def _event(name: str, kind: int, artifact: int) -> mlmd.Event:
    event = mlmd.Event(type=kind, artifact_id=artifact)
    event.path.steps.add(key=name)
    return event


def _to_runtime(recorded: mlmd.Artifact) -> spec_pb2.RuntimeArtifact:
    """converter.go, toRuntimeArtifact."""
    artifact = spec_pb2.RuntimeArtifact(name=str(recorded.id), uri=recorded.uri)
    for group in (recorded.properties, recorded.custom_properties):
        for key, value in group.items():
            found = getattr(value, value.WhichOneof("value"))
            artifact.metadata[key] = json_format.MessageToDict(found) if value.HasField("struct_value") else found
    artifact.type.instance_schema = ""
    return artifact

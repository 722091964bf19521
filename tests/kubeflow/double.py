"""Kubeflow Pipelines 2.17 without a cluster.

Each rule names its place in github.com/kubeflow/pipelines. The pipeline root is in a bucket of a real server. As in a
pod, a task has nothing but the copies of its inputs below /s3 or /gcs, which are removed after it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tests.kubeflow.records import Records
from tests.kubeflow.remote import download, local, upload

LOGS = "executor-logs"
STRING, STATUS = spec_pb2.ParameterType.STRING, spec_pb2.ParameterType.TASK_FINAL_STATUS
ALL_COMPLETED = spec_pb2.PipelineTaskSpec.TriggerPolicy.ALL_UPSTREAM_TASKS_COMPLETED
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
Start = Callable[[list[str], Mapping[str, str]], subprocess.CompletedProcess[str]]
SESSION = json.dumps({"Provider": "s3", "Params": {"region": "us-east-1"}})


class TaskFailed(Exception):
    """A container ended with an error; the message is the end of what it printed."""


def refusals(specification: spec_pb2.PipelineSpec) -> list[str]:
    """Return why the API server or the compiler refuses a pipeline; empty if they take it."""
    found = []
    if specification.schema_version != "2.1.0":  # backend/src/apiserver/template/v2_template.go
        found.append(f"schema version {specification.schema_version}")
    deployment = json_format.ParseDict(
        json_format.MessageToDict(specification.deployment_spec), spec_pb2.PipelineDeploymentConfig()
    )
    if not NAME.match(specification.pipeline_info.name):
        found.append(f"pipeline name {specification.pipeline_info.name}")
    for name, executor in deployment.executors.items():  # backend/src/v2/compiler/argocompiler/dag.go
        if executor.WhichOneof("spec") not in ("container", "importer"):
            found.append(f"{name} is a {executor.WhichOneof('spec')}")
    nested = [component.dag for component in specification.components.values() if component.HasField("dag")]
    for tasks in [dag.tasks for dag in (specification.root.dag, *nested)]:
        for name, task in tasks.items():
            component = specification.components[task.component_ref.name]
            if not component.HasField("dag") and component.executor_label not in deployment.executors:
                found.append(f"{name} has no executor")
            found += [f"{name} needs {missing}, which is no task" for missing in _producers(task) - tasks.keys()]
            given, declared = task.inputs.parameters.keys(), component.input_definitions.parameters.keys()
            found += [f"{name} has no value for {missing}" for missing in declared - given]  # driver/resolve.go
    return found


def hooks(specification: spec_pb2.PipelineSpec) -> list[str]:
    """Return the executors with a hook before the cache, which Kubeflow ignores without a word."""
    executors = json_format.MessageToDict(specification.deployment_spec)["executors"]
    return [name for name, executor in executors.items() if "lifecycle" in executor.get("container", {})]


@dataclass
class Task:
    """A task of a run, as the metadata store has it."""

    artifacts: dict[str, spec_pb2.RuntimeArtifact]
    parameters: dict[str, struct_pb2.Value]
    given: spec_pb2.ExecutorInput
    cached: bool


@dataclass
class Kubeflow:
    """The driver, the launcher and the API server's cache.

    Args:
        root: the URI of the pipeline root, on S3 or Google's storage.
        store: the port of the metadata store.
        environment: the variables with which a task finds the object store.
        with_logs: whether tasks get the output `executor-logs`.
        start: runs a command in the container of a task, with variables. By default there is only a process.
    """

    root: str
    store: int
    environment: Mapping[str, str]
    with_logs: bool = True
    start: Start = field(default_factory=lambda: start_process)
    _cache: dict[str, int] = field(default_factory=dict)  # executions by fingerprint

    def run(self, specification: spec_pb2.PipelineSpec, **parameters: str | float) -> dict[str, Task]:
        """Run every task after those that it depends on, with parameters of the run instead of their defaults."""
        declared = specification.root.input_definitions.parameters
        assert parameters.keys() <= declared.keys()
        assert refusals(specification) == []
        values = {name: json_format.MessageToDict(each.default_value) for name, each in declared.items()}
        pipeline, run = specification.pipeline_info.name, str(uuid.uuid4())
        records = Records(self.store, pipeline, run, {**values, **parameters})
        done: dict[str, Task] = {}
        self._run_graph(specification, specification.root.dag.tasks, records, f"{self.root}/{pipeline}/{run}", done)
        return done

    def _run_graph(
        self,
        specification: spec_pb2.PipelineSpec,
        tasks: Mapping[str, spec_pb2.PipelineTaskSpec],
        records: Records,
        folder: str,
        done: dict[str, Task],
        execution: int | None = None,
    ) -> None:
        """Run the tasks of a graph. After one that failed, only an exit handler starts: argocompiler/dag.go."""
        waiting, ended, failure = dict(tasks), set[str](), None
        while waiting:
            ready = [name for name, task in waiting.items() if _producers(task) <= ended]
            # Any order may occur. In this one, tasks from the cache end last, and do not update the state of a graph.
            name = min(ready, key=lambda name: (waiting[name].caching_options.enable_cache, name))
            task = waiting.pop(name)
            ended.add(name)
            if failure and task.trigger_policy.strategy != ALL_COMPLETED:
                continue
            graph = specification.components[task.component_ref.name].dag.tasks
            try:
                if graph:
                    self._run_nested(specification, name, graph, records, folder, done)
                else:
                    done[name] = self._run_task(specification, task, records, f"{folder}/{name}/{uuid.uuid4()}")
                # metadata/client.go, UpdateDAGExecutionsState: only a launcher calls it, so not for a cached task.
                if execution and not waiting and not failure and not (name in done and done[name].cached):
                    records.publish(execution, [], {}, mlmd.Execution.COMPLETE)
            except TaskFailed as error:
                failure = error
                if execution:
                    records.publish(execution, [], {}, mlmd.Execution.FAILED)
        if failure:
            raise failure

    def _run_nested(
        self,
        specification: spec_pb2.PipelineSpec,
        name: str,
        graph: Mapping[str, spec_pb2.PipelineTaskSpec],
        records: Records,
        folder: str,
        done: dict[str, Task],
    ) -> None:
        execution = records.create(name, spec_pb2.ExecutorInput.Inputs(), "")
        self._run_graph(specification, graph, records, folder, done, execution)

    def _run_task(
        self, specification: spec_pb2.PipelineSpec, task: spec_pb2.PipelineTaskSpec, records: Records, folder: str
    ) -> Task:
        component = specification.components[task.component_ref.name]
        executors = json_format.MessageToDict(specification.deployment_spec)["executors"]
        container = executors[component.executor_label]["container"]
        given = _executor_input(_inputs(task, component, records), component, folder)
        if not self.with_logs:
            del given.outputs.artifacts[LOGS]
        key = _cache_key(given.inputs, component, container) if task.caching_options.enable_cache else ""
        execution = records.create(task.task_info.name, given.inputs, key)
        known = self._cache.get(key)
        if known is None:
            self._execute(given, container, records, execution)
            if key:
                self._cache[key] = execution
        else:  # cache.go, reuseCachedOutputs
            kept = [(name, int(artifact.name)) for name, artifact in records.artifacts_of(known).items()]
            records.publish(execution, kept, records.parameters_of(known), mlmd.Execution.CACHED)
        return Task(records.artifacts_of(execution), records.parameters_of(execution), given, known is not None)

    def _execute(
        self, given: spec_pb2.ExecutorInput, container: Mapping[str, Any], records: Records, execution: int
    ) -> None:
        try:
            Path(given.outputs.output_file).parent.mkdir(parents=True)  # prepareOutputFolders: parents only
            _download(given)
            _launch(given, container, self.environment, self.start)
            produced = _read_output(given)
            _upload(given)
        except TaskFailed:
            records.publish(execution, [], {}, mlmd.Execution.FAILED)
            raise
        finally:
            shutil.rmtree(Path(*local(self.root).parts[:3]))  # the bucket
        assert produced.parameter_values.keys() == given.outputs.parameters.keys()  # collectOutputParameters
        written = [
            (name, records.add_artifact(name, _merged(declared.artifacts[0], produced.artifacts[name]), SESSION))
            for name, declared in given.outputs.artifacts.items()
        ]
        records.publish(execution, written, produced.parameter_values, mlmd.Execution.COMPLETE)


def _inputs(
    task: spec_pb2.PipelineTaskSpec, component: spec_pb2.ComponentSpec, records: Records
) -> spec_pb2.ExecutorInput.Inputs:
    """backend/src/v2/driver/resolve.go, resolveInputs."""
    inputs = spec_pb2.ExecutorInput.Inputs()
    for name, source in task.inputs.artifacts.items():
        produced = source.task_output_artifact
        artifacts = records.artifacts_of(records.execution_of(produced.producer_task))
        inputs.artifacts[name].artifacts.append(artifacts[produced.output_artifact_key])
    for name, parameter in task.inputs.parameters.items():
        if parameter.HasField("task_output_parameter"):
            output = parameter.task_output_parameter
            values = records.parameters_of(records.execution_of(output.producer_task))
            inputs.parameter_values[name].CopyFrom(values[output.output_parameter_key])
        elif parameter.HasField("task_final_status"):
            ended = parameter.task_final_status.producer_task
            status = inputs.parameter_values[name].struct_value
            status.update({"state": records.state_of(ended), "pipelineTaskName": ended, "error": {}})
        elif parameter.component_input_parameter:
            inputs.parameter_values[name].CopyFrom(records.parameter(parameter.component_input_parameter))
        else:
            inputs.parameter_values[name].CopyFrom(parameter.runtime_value.constant)
    for name, declared in component.input_definitions.parameters.items():
        if declared.parameter_type == STATUS:
            continue
        kind = inputs.parameter_values[name].WhichOneof("kind")
        assert kind == ("string_value" if declared.parameter_type == STRING else "number_value"), name
    return inputs


def _merged(declared: spec_pb2.RuntimeArtifact, written: spec_pb2.ArtifactList) -> spec_pb2.RuntimeArtifact:
    """launcher_v2.go, mergeRuntimeArtifacts."""
    artifact = spec_pb2.RuntimeArtifact()
    artifact.CopyFrom(declared)
    for each in written.artifacts:
        artifact.uri = each.uri or artifact.uri
        artifact.metadata.MergeFrom(each.metadata)
    return artifact


def _producers(task: spec_pb2.PipelineTaskSpec) -> set[str]:
    artifacts = {source.task_output_artifact.producer_task for source in task.inputs.artifacts.values()}
    parameters = {source.task_output_parameter.producer_task for source in task.inputs.parameters.values()}
    return (artifacts | parameters | {*task.dependent_tasks}) - {""}


def _cache_key(
    inputs: spec_pb2.ExecutorInput.Inputs, component: spec_pb2.ComponentSpec, container: Mapping[str, Any]
) -> str:
    """backend/src/v2/cacheutils/cache.go: names and URIs of artifacts, parameters, outputs, command, image."""
    parts = [
        {name: [(each.name, each.uri) for each in artifacts.artifacts] for name, artifacts in inputs.artifacts.items()},
        {name: json_format.MessageToDict(value) for name, value in inputs.parameter_values.items()},
        json_format.MessageToDict(component.output_definitions),
        [container["command"], container["args"], container["image"]],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _executor_input(
    inputs: spec_pb2.ExecutorInput.Inputs, component: spec_pb2.ComponentSpec, folder: str
) -> spec_pb2.ExecutorInput:
    """backend/src/v2/driver/driver.go, provisionOutputs."""
    given = spec_pb2.ExecutorInput(inputs=inputs)
    for name, declared in component.output_definitions.artifacts.items():
        artifact = given.outputs.artifacts[name].artifacts.add(name=name, uri=f"{folder}/{name}")
        artifact.type.CopyFrom(declared.artifact_type)
    logs = given.outputs.artifacts[LOGS].artifacts.add(name=LOGS, uri=f"{folder}/{LOGS}")
    logs.type.schema_title = "system.Artifact"
    for name in component.output_definitions.parameters:
        given.outputs.parameters[name].output_file = f"/tmp/kfp/outputs/{name}"
    given.outputs.output_file = str(local(folder) / "output_metadata.json")
    return given


def check_folder_of_copies() -> None:
    """Skip a test on a machine where the folders of the launcher's copies cannot be made."""
    if not os.access("/", os.W_OK):
        pytest.skip("needs the folders /s3 and /gcs, where Kubeflow's launcher puts its copies")


def _download(given: spec_pb2.ExecutorInput) -> None:
    """launcher_v2.go, downloadArtifacts."""
    for artifacts in given.inputs.artifacts.values():
        for artifact in artifacts.artifacts:
            try:
                download(artifact.uri)
            except OSError as error:
                raise TaskFailed(str(error)) from error


def _upload(given: spec_pb2.ExecutorInput) -> None:
    """launcher_v2.go, uploadOutputArtifacts."""
    for artifacts in given.outputs.artifacts.values():
        for artifact in artifacts.artifacts:
            upload(artifact.uri)


def start_process(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command outside of the clone, with the `python` of this environment.

    The variables of OpenBLAS choose its kernels, whose last digits differ. All tasks must use this process's own.
    """
    kernels = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **kernels, **environment}
    return subprocess.run(command, env=variables, cwd="/", check=False, capture_output=True, text=True)


def _launch(
    given: spec_pb2.ExecutorInput, container: Mapping[str, Any], environment: Mapping[str, str], start: Start
) -> None:
    """launcher_v2.go, compileCmdAndArgs and execute.

    Placeholders of parameters are also replaced in the executor input itself, without a thought for its JSON.
    """
    texts = {"{{$}}": json_format.MessageToJson(given)}
    for name, value in given.inputs.parameter_values.items():
        shown = format(value.number_value, ".15g") if value.HasField("number_value") else value.string_value
        texts[f"{{{{$.inputs.parameters['{name}']}}}}"] = shown
    command = [_replaced(part, texts) for part in (*container["command"], *container["args"])]
    own = {each["name"]: each["value"] for each in container.get("env", [])}
    ran = start(command, {**environment, **own})
    if ran.returncode != 0:
        raise TaskFailed(ran.stderr[-5000:])


def _replaced(part: str, texts: Mapping[str, str]) -> str:
    for placeholder, text in texts.items():
        part = part.replace(placeholder, text)
    return part


def _read_output(given: spec_pb2.ExecutorInput) -> spec_pb2.ExecutorOutput:
    """launcher_v2.go, getExecutorOutputFile: a task may write none, and an unknown field fails it."""
    if not Path(given.outputs.output_file).exists():
        return spec_pb2.ExecutorOutput()
    return json_format.Parse(Path(given.outputs.output_file).read_text(), spec_pb2.ExecutorOutput())

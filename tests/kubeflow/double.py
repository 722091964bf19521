"""Kubeflow Pipelines 2.17 without a cluster.

Each rule names its place in github.com/kubeflow/pipelines. The pipeline root is in a bucket of a real S3 server. As in
a pod, a task has nothing but the copies of its inputs below /s3, which are removed after it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

LOGS = "executor-logs"
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
    for name, executor in deployment.executors.items():  # backend/src/v2/compiler/argocompiler/dag.go
        if executor.WhichOneof("spec") not in ("container", "importer"):
            found.append(f"{name} is a {executor.WhichOneof('spec')}")
    tasks = specification.root.dag.tasks
    for name, task in tasks.items():
        found += [f"{name} needs {missing}, which is no task" for missing in _producers(task) - tasks.keys()]
    return found


@dataclass
class Task:
    """The last run of a task."""

    artifacts: dict[str, spec_pb2.RuntimeArtifact]
    parameters: dict[str, Any]
    given: spec_pb2.ExecutorInput
    cached: bool = False


@dataclass
class Kubeflow:
    """The driver, the launcher, the metadata store and the cache.

    Args:
        root: the URI of the pipeline root, on S3.
        with_logs: whether tasks get the output `executor-logs`.
        start: runs a command in the container of a task. By default there is only a process.
    """

    root: str
    with_logs: bool = True
    start: Callable[[list[str]], subprocess.CompletedProcess[str]] = field(default_factory=lambda: start_process)
    _cache: dict[str, Task] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)
    _values: dict[str, Any] = field(default_factory=dict)  # of the run's parameters

    def run(self, specification: spec_pb2.PipelineSpec, **parameters: str | float) -> dict[str, Task]:
        """Run every task after those that it depends on, with parameters of the run instead of their defaults."""
        declared = specification.root.input_definitions.parameters
        assert parameters.keys() <= declared.keys()
        self._values = {name: json_format.MessageToDict(each.default_value) for name, each in declared.items()}
        self._values |= parameters
        assert refusals(specification) == []
        done: dict[str, Task] = {}
        waiting = dict(specification.root.dag.tasks)
        while waiting:
            name = next(name for name, task in waiting.items() if _producers(task) <= done.keys())
            done[name] = self._run_task(specification, waiting.pop(name), done)
        return done

    def _run_task(
        self, specification: spec_pb2.PipelineSpec, task: spec_pb2.PipelineTaskSpec, done: Mapping[str, Task]
    ) -> Task:
        component = specification.components[task.component_ref.name]
        executors = json_format.MessageToDict(specification.deployment_spec)["executors"]
        container = executors[component.executor_label]["container"]
        inputs = self._inputs(task, done)
        key = _cache_key(inputs, component, container)
        if task.caching_options.enable_cache and key in self._cache:
            return replace(self._cache[key], cached=True)
        folder = f"{self.root}/{task.task_info.name}/{next(self._ids)}"
        given = _executor_input(inputs, component, folder)
        if not self.with_logs:
            del given.outputs.artifacts[LOGS]
        try:
            _download(given)
            _launch(given, container, self.start)
            produced = _read_output(given)
            _upload(given)
        finally:
            shutil.rmtree(Path("/s3", _bucket(self.root)[0].name))
        self._cache[key] = self._record(given, produced)
        return self._cache[key]

    def _inputs(self, task: spec_pb2.PipelineTaskSpec, done: Mapping[str, Task]) -> spec_pb2.ExecutorInput.Inputs:
        inputs = spec_pb2.ExecutorInput.Inputs()
        for name, source in task.inputs.artifacts.items():
            produced = source.task_output_artifact
            artifact = done[produced.producer_task].artifacts[produced.output_artifact_key]
            inputs.artifacts[name].artifacts.append(artifact)
        for name, parameter in task.inputs.parameters.items():
            if parameter.HasField("task_output_parameter"):
                source_task = done[parameter.task_output_parameter.producer_task]
                inputs.parameter_values[name].string_value = source_task.parameters[
                    parameter.task_output_parameter.output_parameter_key
                ]
            elif parameter.component_input_parameter:
                value = self._values[parameter.component_input_parameter]
                json_format.ParseDict(value, inputs.parameter_values[name])
            else:
                inputs.parameter_values[name].CopyFrom(parameter.runtime_value.constant)
        return inputs

    def _record(self, given: spec_pb2.ExecutorInput, produced: spec_pb2.ExecutorOutput) -> Task:
        """Register the outputs as the metadata store does: without their types, with an id as the name."""
        artifacts = {}
        for name, declared in given.outputs.artifacts.items():
            artifact = spec_pb2.RuntimeArtifact(uri=declared.artifacts[0].uri)
            for written in produced.artifacts[name].artifacts:  # launcher_v2.go, mergeRuntimeArtifacts
                artifact.uri = written.uri or artifact.uri
                artifact.metadata.MergeFrom(written.metadata)
            artifact.name = str(next(self._ids))
            artifact.metadata["display_name"] = name
            artifact.metadata["store_session_info"] = SESSION  # driver.go, provisionOutputs
            artifact.type.instance_schema = ""  # backend/src/v2/metadata/client.go
            artifacts[name] = artifact
        parameters = {name: value.string_value for name, value in produced.parameter_values.items()}
        assert parameters.keys() == given.outputs.parameters.keys()  # launcher_v2.go, collectOutputParameters
        return Task(artifacts, parameters, given)


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
    """backend/src/v2/driver/driver.go, provisionOutputs; launcher_v2.go, prepareOutputFolders: parents only."""
    given = spec_pb2.ExecutorInput(inputs=inputs)
    _local(folder).mkdir(parents=True)
    for name, declared in component.output_definitions.artifacts.items():
        artifact = given.outputs.artifacts[name].artifacts.add(name=name, uri=f"{folder}/{name}")
        artifact.type.CopyFrom(declared.artifact_type)
    logs = given.outputs.artifacts[LOGS].artifacts.add(name=LOGS, uri=f"{folder}/{LOGS}")
    logs.type.schema_title = "system.Artifact"
    for name in component.output_definitions.parameters:
        given.outputs.parameters[name].output_file = str(_local(folder) / "parameters" / name)
    given.outputs.output_file = str(_local(folder) / "output_metadata.json")
    return given


def check_folder_of_copies() -> None:
    """Skip a test on a machine where the folder of the launcher's copies cannot be made."""
    if not os.access("/", os.W_OK):
        pytest.skip("needs the folder /s3, where Kubeflow's launcher puts its copies")


def _local(uri: str) -> Path:
    """launcher_v2.go, LocalPathForURI."""
    return Path(uri.replace("s3://", "/s3/", 1))


def _bucket(uri: str) -> tuple[Any, str]:
    name, _, key = uri.removeprefix("s3://").partition("/")
    return boto3.resource("s3").Bucket(name), key


def _download(given: spec_pb2.ExecutorInput) -> None:
    """launcher_v2.go, downloadArtifacts."""
    for artifacts in given.inputs.artifacts.values():
        for artifact in artifacts.artifacts:
            bucket, key = _bucket(artifact.uri)
            for found in bucket.objects.filter(Prefix=key):
                if found.key == key or found.key.startswith(f"{key}/"):
                    target = _local(f"s3://{bucket.name}/{found.key}")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    bucket.download_file(found.key, str(target))


def _upload(given: spec_pb2.ExecutorInput) -> None:
    """launcher_v2.go, uploadOutputArtifacts: what does not exist is left out with a warning."""
    for artifacts in given.outputs.artifacts.values():
        for artifact in artifacts.artifacts:
            bucket, _ = _bucket(artifact.uri)
            path = _local(artifact.uri)
            for file in [path] if path.is_file() else path.rglob("*"):
                if file.is_file():
                    bucket.upload_file(str(file), file.relative_to(f"/s3/{bucket.name}").as_posix())


def start_process(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command outside of the clone, with the `python` of this environment."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, env=environment, cwd="/", check=False, capture_output=True, text=True)


def _launch(
    given: spec_pb2.ExecutorInput,
    container: Mapping[str, Any],
    start: Callable[[list[str]], subprocess.CompletedProcess[str]],
) -> None:
    """launcher_v2.go, compileCmdAndArgs and execute.

    Placeholders of parameters are also replaced in the executor input itself, without a thought for its JSON.
    """
    text = json_format.MessageToJson(given)
    for name, value in given.inputs.parameter_values.items():
        shown = format(value.number_value, ".15g") if value.HasField("number_value") else value.string_value
        text = text.replace(f"{{{{$.inputs.parameters['{name}']}}}}", shown)
    ran = start([part.replace("{{$}}", text) for part in (*container["command"], *container["args"])])
    if ran.returncode != 0:
        raise TaskFailed(ran.stderr[-5000:])


def _read_output(given: spec_pb2.ExecutorInput) -> spec_pb2.ExecutorOutput:
    """launcher_v2.go, getExecutorOutputFile: an unknown field fails the task."""
    return json_format.Parse(Path(given.outputs.output_file).read_text(), spec_pb2.ExecutorOutput())

"""The entry point of a container: it runs one executor of TFX with what Kubeflow Pipelines or Vertex AI gives it.

TFX's own entry point fails on Kubeflow Pipelines: it needs the types of the inputs, which Kubeflow loses, it takes
Kubeflow's output `executor-logs` for its own, and it reads and writes `s3://` itself, which it cannot.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from pydantic import ValidationError
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact
from tfx.types.value_artifact import ValueArtifact
from tfx.utils import import_utils

from components.common.stores import is_remote, list_folder_objects
from pipeline.containers.placeholders import PARAMETERS, resolve
from pipeline.containers.runtime_artifacts import local_path, to_artifact, to_runtime
from pipeline.runners.beam_options import beam_args, make_pipeline
from pipeline.runners.job_server import check_job_server
from pipeline.runners.large_batches import read_large_batches
from pipeline.runners.lost_workers import fail_with_lost_workers
from pipeline.runners.state_sampling import end_stages_promptly
from pipeline.runners.step_inspection import inspect_steps_once
from schemas.config.beam import BeamConfig
from schemas.errors import InputError
from trainer.training.chief import is_chief

BEAM = "TEMPOREC_BEAM"  # the variable with the section `beam` as JSON; it is no part of Kubeflow's cache key
_LOGS = "executor-logs"  # an output that Kubeflow adds to every task and writes itself


def main() -> None:
    """Run the executor that the command line names; a user's mistake ends with its message and exit code 2."""
    parser = argparse.ArgumentParser(prog="entrypoint")
    for name in ("executor_class_path", "json_serialized_invocation_args", "json_serialized_inputs_spec_args"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    try:
        run_executor(
            args.executor_class_path,
            _parse(args.json_serialized_invocation_args, pipeline_spec_pb2.ExecutorInput()),
            _parse(args.json_serialized_inputs_spec_args, pipeline_spec_pb2.ComponentInputsSpec()),
            BeamConfig.model_validate_json(os.environ.get(BEAM, "{}")),
        )
    except (InputError, ValidationError) as error:
        print(f"error\n{_described(error)}", file=sys.stderr)
        sys.exit(2)


def _described(error: InputError | ValidationError) -> InputError:
    """Return the error of a parameter's value as what the user can correct."""
    if isinstance(error, InputError):
        return error
    problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']} ({each['input']})" for each in error.errors()]
    return InputError(
        expected=f"valid values of the parameters {', '.join(PARAMETERS)}",
        received="; ".join(problems),
        remedy="submit the pipeline with other values",
    )


def run_executor(
    executor_class: str,
    given: pipeline_spec_pb2.ExecutorInput,
    inputs_spec: pipeline_spec_pb2.ComponentInputsSpec,
    beam: BeamConfig,
) -> None:
    """Run an executor, and write the output metadata file. Of several workers only the chief writes it.

    Args:
        executor_class: the dotted path of the executor's class.
        given: the inputs, the outputs and the parameters of the task.
        inputs_spec: the declared types of the inputs and the parameters.
        beam: the engine of Beam.

    Raises:
        InputError: as the executor.
    """
    inputs = {
        name: [to_artifact(each, inputs_spec.artifacts[name].artifact_type) for each in artifacts.artifacts]
        for name, artifacts in given.inputs.artifacts.items()
    }
    outputs = {
        name: [to_artifact(each, each.type) for each in artifacts.artifacts]
        for name, artifacts in given.outputs.artifacts.items()
        if name != _LOGS
    }
    _make_folders(outputs)
    _executor(executor_class, given, beam).Do(inputs, outputs, _properties(given, inputs_spec))
    if is_chief():
        _remove_folder_objects(outputs)
        _write_output(given, outputs)


def _executor(path: str, given: pipeline_spec_pb2.ExecutorInput, beam: BeamConfig) -> BaseExecutor:
    kind = import_utils.import_class_by_path(path)
    task = os.path.dirname(given.outputs.output_file)
    context: dict[str, Any] = {"tmp_dir": os.path.join(task, ".temp"), "unique_id": os.path.basename(task)}
    if issubclass(kind, BaseBeamExecutor):
        check_job_server(beam)
        fail_with_lost_workers()
        read_large_batches()
        inspect_steps_once()
        end_stages_promptly()
        args = beam_args(beam)
        context |= {"beam_pipeline_args": args, "make_beam_pipeline_fn": lambda: make_pipeline(args)}
        return kind(BaseBeamExecutor.Context(**context))
    return kind(BaseExecutor.Context(**context))


def _make_folders(outputs: Mapping[str, Sequence[Artifact]]) -> None:
    """Make what an executor expects: the folder of an artifact, and the parent of a value's file."""
    for artifacts in outputs.values():
        for artifact in artifacts:
            value = isinstance(artifact, ValueArtifact)
            fileio.makedirs(os.path.dirname(artifact.uri) if value else artifact.uri)


def _remove_folder_objects(outputs: Mapping[str, Sequence[Artifact]]) -> None:
    """Remove the objects of TensorFlow for folders on gs://. Kubeflow's launcher fails at them in the next task."""
    for artifact in (artifact for artifacts in outputs.values() for artifact in artifacts if is_remote(artifact.uri)):
        for found in list_folder_objects(artifact.uri):
            fileio.remove(found)


def _properties(
    given: pipeline_spec_pb2.ExecutorInput, inputs_spec: pipeline_spec_pb2.ComponentInputsSpec
) -> dict[str, Any]:
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in given.inputs.parameter_values.items()}
    of_run = {name: values.pop(name) for name in PARAMETERS if name in values}
    properties = {}
    for name, value in values.items():
        properties[name] = resolve(value, of_run) if isinstance(value, str) else value
        if inputs_spec.parameters[name].parameter_type == pipeline_spec_pb2.ParameterType.NUMBER_INTEGER:
            properties[name] = int(value)  # JSON has no integers
    return properties


def _write_output(given: pipeline_spec_pb2.ExecutorInput, outputs: Mapping[str, Sequence[Artifact]]) -> None:
    output = pipeline_spec_pb2.ExecutorOutput()
    for name, artifacts in outputs.items():
        for artifact, before in zip(artifacts, given.outputs.artifacts[name].artifacts, strict=True):
            output.artifacts[name].artifacts.append(to_runtime(artifact, before))
        if name in given.outputs.parameters:
            output.parameter_values[name].string_value = artifacts[0].read()
    file = local_path(given.outputs.output_file)
    fileio.makedirs(os.path.dirname(file))
    with fileio.open(file, "w") as written:
        written.write(json_format.MessageToJson(output))


def _parse(text: str, message: Any) -> Any:
    return json_format.Parse(text, message, ignore_unknown_fields=True)


if __name__ == "__main__":
    main()

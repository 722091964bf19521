"""The containers of a custom job of Vertex AI train together, on the artifacts of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from pipeline.runners.custom_jobs import set_custom_jobs
from pipeline.runners.kubeflow import pipeline_job
from schemas.loading import load_config
from serving.server.servable import Servable
from tests.custom_job import launched_job
from tests.e2e.conftest import Run
from tests.e2e.planted import ITEMS, STEP
from tests.workers import tf_configs

SETTINGS = [
    "cluster.components.Trainer.custom_job={machine_type: n1-standard-4, workers: 2}",
    "train.strategy=multi_worker",
    "train.epochs=6",
    "model.inputs.time=true",
]
OUTPUTS = {
    "examples": "InteractionExampleGen",
    "transform_graph": "Transform",
    "schema": "Transform",
    "counts": "Baselines",
}


def executor_input(specification: dict[str, Any], left: Path, out: Path) -> spec_pb2.ExecutorInput:
    """Return what Vertex AI gives the Trainer, with the outputs of a run below `left`, and folders in `out`."""
    given = spec_pb2.ExecutorInput()
    parsed = json_format.ParseDict(specification, spec_pb2.PipelineSpec())
    for name in parsed.root.dag.tasks["Trainer"].inputs.artifacts:
        (folder,) = (left / "artifacts" / OUTPUTS[name] / name).iterdir()
        artifact = given.inputs.artifacts[name].artifacts.add(uri=str(folder))
        artifact.metadata["split_names"] = '["train", "eval", "test"]'
    for name, source in parsed.root.dag.tasks["Trainer"].inputs.parameters.items():
        default = parsed.root.input_definitions.parameters[source.component_input_parameter].default_value
        value = default if source.component_input_parameter else source.runtime_value.constant
        given.inputs.parameter_values[name].CopyFrom(value)
    for name, declared in parsed.components["Trainer"].output_definitions.artifacts.items():
        artifact = given.outputs.artifacts[name].artifacts.add(name=name, uri=str(out / name))
        artifact.type.CopyFrom(declared.artifact_type)
    given.outputs.output_file = str(out / "output.json")
    return given


def test_chief_exports_and_the_other_worker_waits(first_run: Run, tmp_path: Path) -> None:
    config = load_config(first_run.config, SETTINGS)
    specification = pipeline_job(config, "image", str(tmp_path))["pipelineSpec"]
    set_custom_jobs(specification, config.cluster)
    given = executor_input(specification, first_run.left, tmp_path)
    container = specification["deploymentSpec"]["executors"]["Trainer_executor"]["container"]
    pools = launched_job(container, json_format.MessageToJson(given), {}).job_spec.worker_pool_specs
    commands = [[*pool.container_spec.command, *pool.container_spec.args] for pool in pools]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    workers = [
        subprocess.Popen(
            command, env={**os.environ, "PATH": path, "TF_CONFIG": tf_config}, stderr=subprocess.PIPE, text=True
        )
        for command, tf_config in zip(commands, tf_configs(["chief", "worker"]), strict=True)
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=300)
        assert worker.returncode == 0, errors[-3000:]
    output = json_format.Parse((tmp_path / "output.json").read_text(), spec_pb2.ExecutorOutput())
    assert output.artifacts["model"].artifacts[0].uri == str(tmp_path / "model")
    assert not any((tmp_path / "artifacts" / "Trainer" / "checkpoints").iterdir())
    answer = Servable(tmp_path / "model" / "Format-Serving", 1).predict(
        "recommend", {"item_ids": tf.make_tensor_proto([["i3"]])}
    )
    assert answer["item_ids"].string_val[0] == f"i{(3 + STEP) % ITEMS}".encode()

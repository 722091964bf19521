"""Every configuration of the project, checked as the API server and the compiler of Kubeflow Pipelines do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from pipeline.runners.kubeflow import compile_pipeline
from pipeline.runners.machines import Target
from schemas.config.cluster import ClusterConfig
from schemas.loading import load_config
from tests.kubeflow.double import hooks, refusals

CONFIGS = sorted((Path(__file__).parents[2] / "pipeline" / "configs").glob("*.yaml"))
MACHINE = {"cpu": 2, "retries": 2, "environment": {"A": "b"}}
POD = {
    "secrets": {"KEY": "store/key"},
    "timeout_s": 60,
    "node_selector": {"spot": "true"},
    "tolerations": [{"key": "a"}],
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize(("target", "suffix"), [("kubeflow", "yaml"), ("vertex", "json")])
def test_compiled_configuration_is_what_kubeflow_takes(path: Path, target: Target, suffix: str, tmp_path: Path) -> None:
    cluster = {"components": {"Trainer": MACHINE | POD if target == "kubeflow" else MACHINE}}
    settings = [
        f"data.{name}.path=gs://bucket/{name}" for name in ("items", "users") if f"  {name}:" in path.read_text()
    ]
    config = load_config(path, ["data.path=gs://bucket/log.csv", *settings])
    config = config.model_copy(update={"cluster": ClusterConfig.model_validate(cluster)})
    output = tmp_path / f"pipeline.{suffix}"
    compile_pipeline(config, target=target, image="registry/temporec:1", root="gs://bucket/root", output=output)
    documents = (
        list(yaml.safe_load_all(output.read_text())) if target == "kubeflow" else [json.loads(output.read_text())]
    )

    tree: dict[str, Any] = documents[0] if target == "kubeflow" else documents[0]["pipelineSpec"]
    specification = json_format.ParseDict(tree, spec_pb2.PipelineSpec())  # an unknown field is an error
    assert refusals(specification) == []
    assert hooks(specification) == []
    for platform in documents[1:]:  # template.go picks a document with this key
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert executors.keys() <= specification.deployment_spec["executors"].keys()

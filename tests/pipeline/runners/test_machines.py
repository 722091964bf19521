"""The section `cluster` in the compiled pipeline, parsed with Kubeflow's own specification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from pipeline.containers.entrypoint import BEAM
from pipeline.runners.kubeflow import compile_pipeline, pipeline_job
from pipeline.runners.machines import Target
from schemas.config import Config
from schemas.config.cluster import ClusterConfig
from schemas.errors import InputError
from schemas.loading import load_config
from tests.kubeflow.double import refusals

PATHS = ["data.path=gs://bucket/log.csv", "data.items.path=gs://bucket/items.csv"]
CLUSTER = {
    "cpu": 2,
    "memory_gb": 8,
    "retries": 2,
    "environment": {"AWS_ENDPOINT_URL": "http://store:9000"},
    "components": {
        "Trainer": {
            "memory_gb": 32,
            "accelerator": {"type": "nvidia.com/gpu", "count": 2},
            "cache": False,
            "image": "registry/temporec@sha256:1",
        }
    },
}
KUBERNETES = {
    "node_selector": {"cloud.google.com/gke-spot": "true"},
    "tolerations": [{"key": "spot", "effect": "NoSchedule"}, {"key": "pool", "operator": "Equal", "value": "big"}],
    "secrets": {"AWS_SECRET_ACCESS_KEY": "store/secret"},
    "timeout_s": 3600,
}


def with_cluster(cluster: dict[str, Any]) -> Config:
    config = load_config("pipeline/configs/quickstart.yaml", PATHS)
    return config.model_copy(update={"cluster": ClusterConfig.model_validate(cluster)})


def documents(cluster: dict[str, Any], tmp_path: Path, target: Target = "kubeflow") -> list[dict[str, Any]]:
    output = tmp_path / ("pipeline.yaml" if target == "kubeflow" else "pipeline.json")
    compile_pipeline(with_cluster(cluster), target=target, image="registry/temporec:1", root="gs://b/r", output=output)
    if target == "vertex":
        return [json.loads(output.read_text())["pipelineSpec"]]
    return list(yaml.safe_load_all(output.read_text()))


def containers(specification: dict[str, Any]) -> dict[str, Any]:
    parsed = json_format.ParseDict(specification["deploymentSpec"], spec_pb2.PipelineDeploymentConfig())
    return {name.removesuffix("_executor"): executor.container for name, executor in parsed.executors.items()}


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_component_has_its_own_machine_and_the_others_that_of_all(tmp_path: Path, target: Target) -> None:
    (specification,) = documents(CLUSTER, tmp_path, target)
    found = containers(specification)
    trainer, gate = found["Trainer"].resources, found["ModelGate"].resources
    assert (trainer.cpu_limit, trainer.memory_limit) == (2, 32)
    assert (gate.cpu_request, gate.memory_request) == (2, 8)
    assert (trainer.accelerator.type, trainer.accelerator.count) == ("nvidia.com/gpu", 2)
    assert not gate.HasField("accelerator")
    assert found["Trainer"].image == "registry/temporec@sha256:1"
    assert found["ModelGate"].image == "registry/temporec:1"
    assert [(each.name, each.value) for each in found["Transform"].env] == [("AWS_ENDPOINT_URL", "http://store:9000")]
    tasks = json_format.ParseDict(specification, spec_pb2.PipelineSpec()).root.dag.tasks
    assert {task.retry_policy.max_retry_count for task in tasks.values()} == {2}
    cached = {name for name, task in tasks.items() if task.caching_options.enable_cache}
    assert tasks.keys() - cached == {"LogFiles", "ItemFiles", "ComparedData", "ServedModel", "Trainer"}


def test_kubernetes_settings_are_a_second_document(tmp_path: Path) -> None:
    specification, platform = documents(KUBERNETES, tmp_path)
    assert refusals(json_format.ParseDict(specification, spec_pb2.PipelineSpec())) == []
    json_format.ParseDict(platform, spec_pb2.PlatformSpec())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors.keys() == specification["deploymentSpec"]["executors"].keys()
    assert executors["Trainer_executor"] == {
        "nodeSelector": {"labels": {"cloud.google.com/gke-spot": "true"}},
        "tolerations": [
            {"key": "spot", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "pool", "operator": "Equal", "value": "big"},
        ],
        "secretAsEnv": [
            {"secretName": "store", "keyToEnv": [{"secretKey": "secret", "envVar": "AWS_SECRET_ACCESS_KEY"}]}
        ],
        "activeDeadlineSeconds": 3600,
    }


def test_machines_are_no_part_of_what_is_cached(tmp_path: Path) -> None:
    (plain,) = documents({}, tmp_path)
    changed, _ = documents({"cpu": 8, "memory_gb": 64, "retries": 1, **KUBERNETES}, tmp_path)
    assert changed["components"] == plain["components"]
    inputs = [
        {name: task["inputs"] for name, task in each["root"]["dag"]["tasks"].items()} for each in (plain, changed)
    ]
    assert inputs[0] == inputs[1]


@pytest.mark.parametrize("setting", KUBERNETES)
@pytest.mark.parametrize("component", [None, "Trainer"])
def test_setting_that_vertex_does_not_read_is_refused(tmp_path: Path, setting: str, component: str | None) -> None:
    machine = {setting: KUBERNETES[setting]}
    cluster = {"components": {component: machine}} if component else machine
    key = f"cluster.components.{component}.{setting}" if component else f"cluster.{setting}"
    with pytest.raises(InputError, match=f"received: {key}, which only Kubeflow reads"):
        documents(cluster, tmp_path, "vertex")


def test_machine_of_an_unknown_component_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean Trainer\?"):
        documents({"components": {"trainer": {"cpu": 1}}}, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"cpu": 0}, {"memory_gb": -1}, {"secrets": {"A": "no-key"}}, {"environment": {"1A": "x"}}, {"retries": 1.5}],
)
def test_wrong_machine_is_no_configuration(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ClusterConfig.model_validate(wrong)


def test_engine_is_no_part_of_the_cache_key() -> None:
    """Kubeflow's key has inputs, outputs, command, arguments and image: backend/src/v2/cacheutils/cache.go."""
    keys = []
    for settings in ([], ["beam.workers=4"]):
        config = load_config("pipeline/configs/quickstart.yaml", [*PATHS, *settings])
        specification = pipeline_job(config, "i:1", "gs://r")["pipelineSpec"]
        found = {name: (each.image, each.command, each.args) for name, each in containers(specification).items()}
        keys.append((found, specification["components"], specification["root"]["dag"]["tasks"]))
    assert keys[0] == keys[1]


def test_engine_is_in_the_environment_of_the_tasks_with_beam() -> None:
    config = load_config("pipeline/configs/quickstart.yaml", [*PATHS, "beam.workers=4"])
    found = containers(pipeline_job(config, "i:1", "gs://r")["pipelineSpec"])
    variables = {name: {each.name: each.value for each in container.env} for name, container in found.items()}
    with_engine = {name for name, environment in variables.items() if BEAM in environment}
    beam = {"InteractionExampleGen", "StatisticsGen", "Transform", "Baselines", "Evaluator", "RefitBaselines"}
    assert with_engine == beam
    assert json.loads(variables["Transform"][BEAM]) == {"workers": 4}

"""Custom jobs of Vertex AI in the compiled pipeline, read with its client's own messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import Scheduling

from pipeline.runners.kubeflow import compile_pipeline
from pipeline.runners.machines import Target
from schemas.errors import InputError
from schemas.loading import load_config
from tests.custom_job import launched_job

JOB = "cluster.components.Trainer.custom_job"
WORKERS = (f"{JOB}.machine_type=n1-standard-16", f"{JOB}.workers=3", "train.strategy=multi_worker")
VALUES = {"pipeline_service_account": "runner@shop.iam.gserviceaccount.com", "pipeline_network": ""}


def specification(tmp_path: Path, *settings: str, target: Target = "vertex") -> dict[str, Any]:
    paths = ["data.path=gs://bucket/log.csv", "data.items.path=gs://bucket/items.csv"]
    config = load_config("pipeline/configs/quickstart.yaml", [*paths, *settings])
    output = tmp_path / ("pipeline.json" if target == "vertex" else "pipeline.yaml")
    compile_pipeline(config, target=target, image="registry/temporec:1", root="gs://bucket/root", output=output)
    return dict(json.loads(output.read_text())["pipelineSpec"])


def containers(specification: dict[str, Any]) -> dict[str, Any]:
    executors = specification["deploymentSpec"]["executors"]
    return {name.removesuffix("_executor"): each["container"] for name, each in executors.items()}


def test_trainer_with_several_workers_is_a_custom_job(tmp_path: Path) -> None:
    accelerator = ("type=NVIDIA_L4", "count=2")
    machine = [f"cluster.components.Trainer.accelerator.{each}" for each in accelerator]
    found = specification(tmp_path, *WORKERS, *machine, f"{JOB}.spot=true", "cluster.environment.A=b", "cluster.cpu=2")
    text = '{"outputs": "a \\"quoted\\" text\\n"}'
    job = launched_job(containers(found)["Trainer"], text, VALUES)
    chief, others = job.job_spec.worker_pool_specs
    assert (chief.replica_count, others.replica_count) == (1, 2)
    assert chief.machine_spec == others.machine_spec
    assert chief.container_spec == others.container_spec
    assert chief.machine_spec.machine_type == "n1-standard-16"
    assert (chief.machine_spec.accelerator_type.name, chief.machine_spec.accelerator_count) == ("NVIDIA_L4", 2)
    assert (chief.container_spec.image_uri, chief.container_spec.env[0].name) == ("registry/temporec:1", "A")
    assert text in chief.container_spec.args
    assert job.job_spec.scheduling.strategy == Scheduling.Strategy.SPOT
    assert job.job_spec.scheduling.restart_job_on_worker_restart
    assert job.job_spec.service_account == VALUES["pipeline_service_account"]


def test_job_runs_what_the_task_would_run(tmp_path: Path) -> None:
    plain = containers(specification(tmp_path))
    jobs = containers(specification(tmp_path, f"{JOB}.machine_type=n1-standard-4"))
    (pool,) = launched_job(jobs["Trainer"], "{{$}}", VALUES).job_spec.worker_pool_specs
    assert [*pool.container_spec.command] == plain["Trainer"]["command"]
    assert [*pool.container_spec.args] == plain["Trainer"]["args"]
    assert {name: each for name, each in jobs.items() if name != "Trainer"} == {
        name: each for name, each in plain.items() if name != "Trainer"
    }


def test_vertex_links_the_task_to_its_job(tmp_path: Path) -> None:
    found = specification(tmp_path, f"{JOB}.machine_type=n1-standard-4")
    declared = found["components"]["Trainer"]["outputDefinitions"]["parameters"]
    assert declared == {"gcp_resources": {"parameterType": "STRING"}}
    assert "{{$.outputs.parameters['gcp_resources'].output_file}}" in containers(found)["Trainer"]["args"]


@pytest.mark.parametrize(
    ("settings", "received"),
    [
        ((*WORKERS, "train.strategy=none"), "3 workers for Trainer, with train.strategy none"),
        (
            ("cluster.components.Transform.custom_job={machine_type: m, workers: 2}", "train.strategy=multi_worker"),
            "2 workers for Transform",
        ),
        (
            ("cluster.custom_job={machine_type: m, workers: 2}", "train.strategy=multi_worker"),
            "2 workers for every component",
        ),
    ],
)
def test_workers_that_would_do_the_same_are_refused(tmp_path: Path, settings: tuple[str, ...], received: str) -> None:
    with pytest.raises(InputError, match=f"received: {received}"):
        specification(tmp_path, *settings)


def test_custom_job_is_refused_for_kubeflow(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"received: cluster\.components\.Trainer\.custom_job, which only Vertex AI"):
        specification(tmp_path, f"{JOB}.machine_type=n1-standard-4", target="kubeflow")

"""The compiled pipeline as Kubeflow runs it: each task in its own process, through our entry point."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from pipeline.runners.kubeflow import pipeline_job
from schemas.loading import load_config
from tests.e2e.planted import DATA, write_log
from tests.kubeflow.double import Kubeflow, Task

CONFIG = (
    DATA
    + """\
model: {{preset: fast, dim: 16, encoder: {{units: 16}}, reranker: {{weight: 0}}}}
train: {{epochs: 6, learning_rate: 0.01, warmup_steps: 10}}
evaluate: {{gate: {{beat: [popularity], min_users: 50}}}}
"""
)
LOOKERS = {"LogFiles", "ServedModel"}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kubeflow") / "log.csv"
    write_log(path, users=60)
    return path


@pytest.fixture(scope="module")
def specification(log: Path) -> spec_pb2.PipelineSpec:
    config = log.with_name("planted.yaml")
    config.write_text(CONFIG.format(log=log))
    job = pipeline_job(load_config(config), "registry/temporec:1", str(log.parent / "root"))
    return json_format.ParseDict(job["pipelineSpec"], spec_pb2.PipelineSpec())


@pytest.fixture(scope="module")
def kubeflow(log: Path) -> Kubeflow:
    return Kubeflow(log.parent / "root" / "artifacts")


@pytest.fixture(scope="module")
def first(kubeflow: Kubeflow, specification: spec_pb2.PipelineSpec) -> dict[str, Task]:
    return kubeflow.run(specification)


def versions(log: Path) -> list[str]:
    return sorted(path.name for path in (log.parent / "root" / "models").glob("*") if path.name.isdecimal())


def test_first_run_goes_from_the_log_to_a_pushed_version(first: dict[str, Task], log: Path) -> None:
    assert first["LogFiles"].parameters["seen"].startswith("1 files, ")
    assert first["ServedModel"].parameters["seen"] == ""
    (version,) = versions(log)
    assert (log.parent / "root" / "models" / version / "saved_model.pb").is_file()
    assert first["ModelGate"].artifacts["blessing"].metadata["blessed"] == 1


def test_unchanged_log_takes_everything_but_the_lookers_from_the_cache(
    kubeflow: Kubeflow, first: dict[str, Task], specification: spec_pb2.PipelineSpec, log: Path
) -> None:
    again = kubeflow.run(specification)
    assert {name for name, task in again.items() if not task.cached} == LOOKERS
    assert again["ServedModel"].parameters["seen"] == ""  # the served version is a copy of the candidate
    assert len(versions(log)) == 1


def test_one_more_row_runs_ingestion_again(
    kubeflow: Kubeflow, first: dict[str, Task], specification: spec_pb2.PipelineSpec, log: Path
) -> None:
    with log.open("a") as file:
        file.write("u0,i0,1700000000\n")
    ingestion = spec_pb2.PipelineSpec()
    ingestion.CopyFrom(specification)
    for name in set(ingestion.root.dag.tasks) - {"LogFiles", "InteractionExampleGen"}:
        del ingestion.root.dag.tasks[name]
    again = kubeflow.run(ingestion)
    assert not again["InteractionExampleGen"].cached
    examples = [run["InteractionExampleGen"].artifacts["examples"].uri for run in (first, again)]
    counts = [(Path(uri) / "ingestion.json").read_text() for uri in examples]
    assert counts[0] != counts[1]

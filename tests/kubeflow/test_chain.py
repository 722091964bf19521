"""The compiled pipeline as Kubeflow runs it: each task in its own process, through our entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from components.common.stores import list_files, read_bytes
from components.common.versions import whole_versions
from pipeline.commands.serve import local_versions
from pipeline.containers.placeholders import PARAMETERS
from pipeline.runners.kubeflow import pipeline_job
from schemas.loading import load_config
from serving.server.client import Client
from serving.server.server import ModelServer
from tests.e2e.command import temporec
from tests.e2e.engines import prism
from tests.e2e.planted import DATA, write_log
from tests.kubeflow.double import Kubeflow, Task, TaskFailed, check_folder_of_copies
from tests.kubeflow.metadata_store import metadata_server
from tests.object_store import BUCKET, object_store
from tests.pipeline.notify.servers import webhook

CONFIG = (
    DATA
    + """\
model: {{dim: 16, encoder: {{units: 16}}}}
train: {{epochs: 60, learning_rate: 0.01, warmup_steps: 10}}
evaluate: {{gate: {{beat: [popularity], min_users: 50}}}}
"""
)
LOOKERS = {"LogFiles", "ComparedData", "ServedModel"}


RECORDED = Path(__file__).with_name("recorded")  # what the driver of Kubeflow Pipelines 2.17.0 gave to containers
ROOT = f"s3://{BUCKET}/root"
COMPILED = f"s3://{BUCKET}/of-another-night"  # a root and a log that no run may use
TONIGHT: dict[str, str | float] = {
    "data_path": f"s3://{BUCKET}/log.csv",
    "root": ROOT,
    "models_path": f"{ROOT}/models",
    "epochs": 6,
}


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    check_folder_of_copies()
    with object_store(tmp_path_factory.mktemp("store")) as environment:
        yield environment


@pytest.fixture(scope="module")
def log(store: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kubeflow") / "log.csv"
    write_log(path, users=60)
    put_log(path)
    return path


def put_log(log: Path) -> None:
    boto3.client("s3").upload_file(str(log), BUCKET, "log.csv")


@pytest.fixture(scope="module")
def specification(log: Path) -> spec_pb2.PipelineSpec:
    config = log.with_name("planted.yaml")
    config.write_text(CONFIG.format(log=f"{COMPILED}/log.csv"))
    job = pipeline_job(load_config(config), "registry/temporec:1", COMPILED)
    return json_format.ParseDict(job["pipelineSpec"], spec_pb2.PipelineSpec())


@pytest.fixture(scope="module")
def kubeflow(store: dict[str, str]) -> Iterator[Kubeflow]:
    with metadata_server() as port:
        yield Kubeflow(f"{ROOT}/artifacts", port, store)


@pytest.fixture(scope="module")
def first(kubeflow: Kubeflow, specification: spec_pb2.PipelineSpec) -> dict[str, Task]:
    return kubeflow.run(specification, **TONIGHT)


def test_first_run_goes_from_the_log_to_a_pushed_version(first: dict[str, Task]) -> None:
    assert first["LogFiles"].parameters["seen"].string_value.startswith("1 files, ")
    assert first["ServedModel"].parameters["seen"].string_value == ""
    assert first["ModelGate"].artifacts["blessing"].metadata["blessed"] == 1
    with (
        local_versions(f"{ROOT}/models") as models,
        ModelServer(models, port=0) as server,
        Client(f"localhost:{server.port}") as client,
    ):
        (answer,) = client.recommend([["i1", "i8"]], k=3)
    assert "i15" in answer.item_ids  # the planted successor


def test_run_on_a_portable_runner_gives_equal_examples_counts_and_metrics(
    first: dict[str, Task], log: Path, tmp_path: Path
) -> None:
    settings = [f"data.path={log}", f"train.epochs={TONIGHT['epochs']}"]
    overrides = [part for each in settings for part in ("--set", each)]
    with prism(tmp_path) as engine:
        root = tmp_path / "root"
        temporec("run", "--config", log.with_name("planted.yaml"), "--root", root, *overrides, *engine.settings)
    for task, output, pattern in (
        ("InteractionExampleGen", "examples", "Split-*/*.gz"),
        ("Baselines", "counts", "*"),
        ("Evaluator", "evaluation", "summary.json"),
    ):
        (folder,) = (root / "artifacts" / task / output).iterdir()
        local = {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob(pattern)}
        assert local
        assert {name: read_bytes(f"{first[task].artifacts[output].uri}/{name}") for name in local} == local


@pytest.mark.parametrize("recorded", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_executor_input_has_the_form_that_kubeflow_gave(first: dict[str, Task], recorded: Path) -> None:
    expected = json_format.Parse(recorded.read_text(), spec_pb2.ExecutorInput())
    given = spec_pb2.ExecutorInput()
    given.CopyFrom(first[recorded.stem].given)
    further = {*PARAMETERS, "stats_options_json", "split", "half_life_s"}  # the recorded pipeline had none
    for name in further & set(given.inputs.parameter_values):
        del given.inputs.parameter_values[name]
    assert form(given) == form(expected)


def form(value: Any) -> Any:
    """Return the keys of an executor input, with the type of each value; for a URI its scheme.

    Of metadata only the keys count: the entry point writes the values, and that of the records was TFX's.
    """
    if isinstance(value, spec_pb2.ExecutorInput):
        return form(json_format.MessageToDict(value))
    if isinstance(value, dict):
        return {key: sorted(part) if key == "metadata" else form(part) for key, part in value.items()}
    if isinstance(value, list):
        return [form(part) for part in value]
    return value.split("/")[0] if isinstance(value, str) and value.startswith(("s3://", "/")) else type(value).__name__


def with_messages(log: Path, url: str) -> spec_pb2.PipelineSpec:
    """Return the pipeline of the first run with messages to a URL."""
    settings = ["notify.webhook.url_variable=HOOK"]
    settings += [f"cluster.components.{task}.environment.HOOK={url}" for task in ("NotifyDecision", "NotifyFailure")]
    job = pipeline_job(load_config(log.with_name("planted.yaml"), settings), "registry/temporec:1", COMPILED)
    return json_format.ParseDict(job["pipelineSpec"], spec_pb2.PipelineSpec())


def test_unchanged_log_takes_everything_but_lookers_and_messages_from_the_cache(
    kubeflow: Kubeflow, first: dict[str, Task], log: Path
) -> None:
    pushed = whole_versions(f"{ROOT}/models")
    with webhook() as (url, got):
        again = kubeflow.run(with_messages(log, url), **TONIGHT)
    assert {name for name, task in again.items() if not task.cached} == LOOKERS | {"NotifyDecision", "NotifyFailure"}
    assert again["ServedModel"].parameters["seen"].string_value == ""  # the served version is a copy of the candidate
    assert whole_versions(f"{ROOT}/models") == pushed
    ((_, message),) = got
    assert (message["outcome"], message["root"]) == ("success", ROOT)
    assert list_files(f"{COMPILED}/**") == []


def test_wrong_value_of_a_parameter_fails_its_task_with_the_reason_and_sends_a_message(
    kubeflow: Kubeflow, first: dict[str, Task], log: Path
) -> None:
    with webhook() as (url, got), pytest.raises(TaskFailed, match=r"received: train\.epochs: .* \(0\)"):
        kubeflow.run(with_messages(log, url), **{**TONIGHT, "epochs": 0})
    ((_, message),) = got
    assert (message["outcome"], message["root"]) == ("failure", ROOT)


def test_one_more_row_runs_ingestion_again(
    kubeflow: Kubeflow, first: dict[str, Task], specification: spec_pb2.PipelineSpec, log: Path
) -> None:
    with log.open("a") as file:
        file.write("u0,i0,1700000000\n")
    put_log(log)
    ingestion = spec_pb2.PipelineSpec()
    ingestion.CopyFrom(specification)
    for name in set(ingestion.root.dag.tasks) - {"LogFiles", "InteractionExampleGen"}:
        del ingestion.root.dag.tasks[name]
    again = kubeflow.run(ingestion, **TONIGHT)
    assert not again["InteractionExampleGen"].cached
    examples = [run["InteractionExampleGen"].artifacts["examples"].uri for run in (first, again)]
    counts = [read_bytes(f"{uri}/ingestion.json") for uri in examples]
    assert counts[0] != counts[1]

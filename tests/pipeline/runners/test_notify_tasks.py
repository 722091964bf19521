"""A compiled pipeline that sends messages: its exit handler has the form that kfp's own compiler gives one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, dsl
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.runners.kubeflow import compile_pipeline
from schemas.loading import load_config
from tests.kubeflow.double import refusals

QUICKSTART = Path(__file__).parents[3] / "pipeline" / "configs" / "quickstart.yaml"
SETTINGS = [
    "data.path=gs://bucket/log.csv",
    "data.items=null",
    "notify.webhook.url_variable=HOOK",
    "cluster.components.NotifyFailure={cpu: 1, secrets: {HOOK: chat/url}}",
]


@dsl.component(base_image="python:3.11")
def work(seed: int) -> None: ...


@dsl.component(base_image="python:3.11")
def tell(root: str, status: dsl.PipelineTaskFinalStatus) -> None: ...


@dsl.pipeline(name="shop")
def with_exit_handler(seed: int = 1, root: str = "gs://bucket/root") -> None:
    with dsl.ExitHandler(tell(root=root), name="run"):
        work(seed=seed)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("notify") / "pipeline.yaml"
    config = load_config(QUICKSTART, SETTINGS)
    compile_pipeline(config, target="kubeflow", image="registry/temporec:1", root="gs://bucket/root", output=path)
    return list(yaml.safe_load_all(path.read_text()))


def test_exit_handler_has_the_form_of_kfp(compiled: list[dict[str, Any]], tmp_path: Path) -> None:
    compiler.Compiler().compile(with_exit_handler, str(tmp_path / "kfp.yaml"))
    text = (tmp_path / "kfp.yaml").read_text()
    for theirs, ours in {
        "comp-": "",
        "exit-handler-1": "run",
        "tell": "NotifyFailure",
        "pipelinechannel--": "",
    }.items():
        text = text.replace(theirs, ours)
    own, kfp = compiled[0], yaml.safe_load(text)

    task, expected = own["root"]["dag"]["tasks"]["NotifyFailure"], kfp["root"]["dag"]["tasks"]["NotifyFailure"]
    assert {**task, "cachingOptions": expected["cachingOptions"]} == expected  # ours is never cached
    assert (
        own["components"]["NotifyFailure"]["inputDefinitions"] == kfp["components"]["NotifyFailure"]["inputDefinitions"]
    )
    run, expected = own["root"]["dag"]["tasks"]["run"], kfp["root"]["dag"]["tasks"]["run"]
    assert run.keys() == expected.keys()
    assert run["inputs"]["parameters"]["seed"] == expected["inputs"]["parameters"]["seed"]
    nested, expected = own["components"]["run"], kfp["components"]["run"]
    assert nested.keys() == expected.keys()
    declared = expected["inputDefinitions"]["parameters"]["seed"]
    assert nested["inputDefinitions"]["parameters"]["seed"] == declared


def test_nested_tasks_are_those_of_the_pipeline_and_the_decision(compiled: list[dict[str, Any]]) -> None:
    specification = json_format.ParseDict(compiled[0], pipeline_spec_pb2.PipelineSpec())
    tasks = compiled[0]["components"]["run"]["dag"]["tasks"]

    assert refusals(specification) == []
    assert len(tasks) == 17
    assert tasks["NotifyDecision"]["inputs"]["artifacts"]["blessing"]["taskOutputArtifact"] == {
        "producerTask": "Refit",
        "outputArtifactKey": "blessing",
    }
    assert tasks["NotifyDecision"]["dependentTasks"] == ["Refit", "Pusher"]
    assert compiled[0]["root"]["dag"]["tasks"].keys() == {"run", "NotifyFailure"}


def test_machine_of_the_exit_handler_is_set(compiled: list[dict[str, Any]]) -> None:
    container = compiled[0]["deploymentSpec"]["executors"]["NotifyFailure_executor"]["container"]
    (executor,) = compiled[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].items()

    assert container["resources"]["cpuLimit"] == 1
    assert executor[0] == "NotifyFailure_executor"
    assert "url_variable" in container["args"][1]

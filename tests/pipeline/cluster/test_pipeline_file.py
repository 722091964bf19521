from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cluster.pipeline_file import CompiledPipeline, parameter_values, read_pipeline
from schemas.errors import InputError

KINDS = {"path": "STRING", "epochs": "NUMBER_INTEGER", "rate": "NUMBER_DOUBLE", "fast": "BOOLEAN"}
DECLARED = {name: {"parameterType": kind} for name, kind in KINDS.items()}
PIPELINE = CompiledPipeline(
    {
        "pipelineInfo": {"name": "shop"},
        "components": {
            "inner": {"dag": {"tasks": {"A": {"componentRef": {"name": "a"}}}}},
            "a": {"executorLabel": "a"},
            "b": {"executorLabel": "b"},
        },
        "root": {
            "inputDefinitions": {"parameters": DECLARED},
            "dag": {"tasks": {"all": {"componentRef": {"name": "inner"}}, "B": {"componentRef": {"name": "b"}}}},
        },
    },
    None,
    {},
)


def test_parameters_have_the_types_that_the_pipeline_declares() -> None:
    settings = ["path=s3://b/x=y", "epochs=5", "rate=0.5", "fast=True"]
    assert parameter_values(PIPELINE, settings) == {"path": "s3://b/x=y", "epochs": 5, "rate": 0.5, "fast": True}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epochs=5.0"], "a whole number for the parameter epochs"),
        (["epochs=five"], "received: 'five'"),
        (["rate=high"], "a number for the parameter rate"),
        (["fast=1"], "true or false"),
        (["path="], "text for the parameter path"),
        (["epoch=5"], "did you mean epochs?"),
        (["zzz=5"], "epochs, fast, path, rate"),
        (["epochs"], "--set-parameter with a name and a value"),
        (["epochs=5", "epochs=6"], "epochs=6, which is set twice"),
    ],
)
def test_wrong_parameter_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parameter_values(PIPELINE, settings)
    assert message in str(caught.value)


def test_cache_is_off_in_nested_graphs_too() -> None:
    changed = PIPELINE.without_cache().specification
    tasks = [*changed["root"]["dag"]["tasks"].values(), *changed["components"]["inner"]["dag"]["tasks"].values()]
    assert [task["cachingOptions"] for task in tasks] == [{}, {}, {}]
    assert "cachingOptions" not in PIPELINE.specification["root"]["dag"]["tasks"]["B"]


def test_tasks_are_those_that_run_a_container() -> None:
    assert sorted(PIPELINE.tasks) == ["A", "B"]


@pytest.mark.parametrize(
    ("name", "text", "received"),
    [
        ("p.yaml", None, "No such file or directory"),
        ("p.yaml", "a: [", "while parsing a flow node"),
        ("p.yaml", "", "no compiled pipeline"),
        ("p.yaml", "root: 1", "no compiled pipeline"),
        ("p.json", '{"pipelineSpec": {"root": {}, "components": {}, "pipelineInfo": {}}}', "a file for vertex"),
        ("p.json", "{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)
def test_file_without_a_pipeline_for_the_target_is_refused(
    tmp_path: Path, name: str, text: str | None, received: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_pipeline(tmp_path / name, "kubeflow")
    assert caught.value.received == received

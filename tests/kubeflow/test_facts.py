"""What a container meets in the double of Kubeflow, seen by two small programs instead of our entry point."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from tests.kubeflow.double import Kubeflow, Task, TaskFailed, check_folder_of_copies
from tests.kubeflow.metadata_store import metadata_server
from tests.object_store import BUCKET, object_store

START = """\
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
def local(kind, name):
    return pathlib.Path(given[kind]["artifacts"][name]["artifacts"][0]["uri"].replace("s3://", "/s3/"))
def write(**artifacts):
    path = pathlib.Path(given["outputs"]["outputFile"])
    path.write_text(json.dumps({"artifacts": {name: {"artifacts": [each]} for name, each in artifacts.items()}}))
"""
WRITER = """
folder = local("outputs", "folder")
assert folder.parent.is_dir() and not folder.exists()  # the parent only
assert "TF_USE_LEGACY_KERAS" not in os.environ and os.environ["OF_THE_TASK"] == "set"
assert sys.argv[2] == "tonight", sys.argv[2]
folder.mkdir()
(folder / "file").write_text("text")
write(folder={"metadata": {"count": 3, "note": "kept"}})
"""
READER = """
artifact = given["inputs"]["artifacts"]["folder"]["artifacts"][0]
assert artifact["name"].isdigit() and artifact["type"] == {"instanceSchema": ""}
assert artifact["metadata"]["count"] == 3.0 and artifact["metadata"]["note"] == "kept"
assert (local("inputs", "folder") / "file").read_text() == "text"  # a copy
assert given["outputs"]["artifacts"]["executor-logs"]["artifacts"][0]["type"] == {"schemaTitle": "system.Artifact"}
write(moved={"uri": artifact["uri"]})
"""


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubeflow]:
    check_folder_of_copies()
    with object_store(tmp_path_factory.mktemp("store")) as environment, metadata_server() as port:
        yield Kubeflow(f"s3://{BUCKET}/root", port, environment)


def specification(writer: str = WRITER, reader: str = READER) -> spec_pb2.PipelineSpec:
    kind = {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}
    night = {"parameterType": "STRING"}
    night_of_run = "{{$.inputs.parameters['night']}}"

    def executor(code: str, *arguments: str) -> dict[str, object]:
        container = {"image": "image", "command": ["python", "-c", START + code], "args": ["{{$}}", *arguments]}
        return {"container": {**container, "env": [{"name": "OF_THE_TASK", "value": "set"}]}}

    tree = {
        "schemaVersion": "2.1.0",
        "pipelineInfo": {"name": "facts"},
        "deploymentSpec": {"executors": {"writer": executor(writer, night_of_run), "reader": executor(reader)}},
        "components": {
            "writer": {
                "executorLabel": "writer",
                "inputDefinitions": {"parameters": {"night": night}},
                "outputDefinitions": {"artifacts": {"folder": kind}},
            },
            "reader": {
                "executorLabel": "reader",
                "inputDefinitions": {"artifacts": {"folder": kind}},
                "outputDefinitions": {"artifacts": {"moved": kind}},
            },
        },
        "root": {
            "inputDefinitions": {"parameters": {"night": {**night, "defaultValue": "today"}}},
            "dag": {
                "tasks": {
                    "writer": {
                        "taskInfo": {"name": "writer"},
                        "componentRef": {"name": "writer"},
                        "cachingOptions": {"enableCache": True},
                        "inputs": {"parameters": {"night": {"componentInputParameter": "night"}}},
                    },
                    "reader": {
                        "taskInfo": {"name": "reader"},
                        "componentRef": {"name": "reader"},
                        "cachingOptions": {"enableCache": True},
                        "inputs": {
                            "artifacts": {
                                "folder": {
                                    "taskOutputArtifact": {"producerTask": "writer", "outputArtifactKey": "folder"}
                                }
                            }
                        },
                    },
                }
            },
        },
    }
    return json_format.ParseDict(tree, spec_pb2.PipelineSpec())


def cached(tasks: dict[str, Task]) -> set[str]:
    return {name for name, task in tasks.items() if task.cached}


def test_tasks_meet_what_kubeflow_gives_them(kubeflow: Kubeflow) -> None:
    tasks = kubeflow.run(specification(), night="tonight")
    assert cached(tasks) == set()
    assert tasks["reader"].artifacts["moved"].uri == tasks["writer"].artifacts["folder"].uri  # the task's own URI
    assert set(tasks["writer"].artifacts) == {"folder", "executor-logs"}


def test_cache_key_has_inputs_commands_and_images(kubeflow: Kubeflow) -> None:
    plain = specification()
    kubeflow.run(plain, night="tonight")
    assert cached(kubeflow.run(plain, night="tonight")) == {"writer", "reader"}
    other = specification(reader=READER + "pass\n")
    assert cached(kubeflow.run(other, night="tonight")) == {"writer"}
    other.deployment_spec["executors"]["writer"]["container"]["image"] = "newer"
    assert cached(kubeflow.run(other, night="tonight")) == set()  # the reader gets an artifact with another name


def test_value_of_another_night_runs_its_task_again(kubeflow: Kubeflow) -> None:
    with pytest.raises(TaskFailed, match="of another day"):
        kubeflow.run(specification(), night="of another day")


def test_unknown_field_in_the_output_file_fails_the_task(kubeflow: Kubeflow) -> None:
    unknown = 'pathlib.Path(given["outputs"]["outputFile"]).write_text(json.dumps({"unknown": 1}))\n'
    with pytest.raises(json_format.ParseError, match="unknown"):
        kubeflow.run(specification(reader=READER + unknown), night="tonight")

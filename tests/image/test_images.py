"""Both images: the compiled pipeline runs in the one as on Kubeflow, and the other one serves the pushed model."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import grpc
import pytest
import yaml
from google.protobuf import json_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from pipeline.containers.command import COMMAND
from pipeline.install.dependency_sets import TFX_1_21
from pipeline.install.images import find_engine, image_name, revision
from pipeline.version import VERSION
from serving.server.client import Client
from tests.e2e.planted import write_log
from tests.kubeflow.double import Kubeflow, Task
from tests.kubeflow.metadata_store import metadata_server
from tests.kubeflow.test_chain import CONFIG, ROOT, TONIGHT, put_log
from tests.object_store import BUCKET, object_store

if "TEMPOREC_TEST_IMAGES" not in os.environ:
    pytest.skip("needs the images: make image-test", allow_module_level=True)

REPOSITORY = Path(__file__).resolve().parents[2]
PIPELINE, SERVING = image_name("pipeline", "cpu"), image_name("serving", "cpu")
USER = 1000
STORE = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")

engine = cache(find_engine)


def command_line(*options: str) -> list[str]:
    """Return the command that starts a container, on the network of this machine and with its credentials."""
    variables = [part for name in STORE for part in ("--env", f"{name}={os.environ[name]}")]
    return [engine(), "run", "--rm", "--network", "host", *variables, *options]


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command in a container, instead of the image's own."""
    start, *rest = command
    full = command_line("--entrypoint", start, *options, image, *rest)
    return subprocess.run(full, check=False, capture_output=True, text=True)


def shown(image: str, command: str) -> str:
    """Return what a command prints in a container."""
    ran = run(image, *shlex.split(command))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def task_container(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command of a task. The launcher runs in the container, so its folders belong to the container's user."""
    for path in [Path("/s3", BUCKET), *Path("/s3", BUCKET).rglob("*")]:
        os.chown(path, USER, USER)
    variables = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    return run(PIPELINE, *command, options=("--volume", "/s3:/s3", *variables))


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("store")):
        yield


@pytest.fixture(scope="module")
def compiled(store: None, tmp_path_factory: pytest.TempPathFactory) -> spec_pb2.PipelineSpec:
    """The pipeline, compiled by the image itself."""
    folder = tmp_path_factory.mktemp("compiled")
    folder.chmod(0o777)
    write_log(folder / "log.csv", users=60)
    put_log(folder / "log.csv")
    (folder / "planted.yaml").write_text(CONFIG.format(log=f"s3://{BUCKET}/of-another-night.csv"))
    options = f"--target kubeflow --config planted.yaml --image {PIPELINE} --root {ROOT} --output pipeline.yaml"
    folders = ("--volume", f"{folder}:/work", "--workdir", "/work")
    ran = run(PIPELINE, "temporec", "compile", *options.split(), options=folders)
    assert ran.returncode == 0, ran.stderr
    return json_format.ParseDict(yaml.safe_load((folder / "pipeline.yaml").read_text()), spec_pb2.PipelineSpec())


@pytest.fixture(scope="module")
def tasks(compiled: spec_pb2.PipelineSpec) -> dict[str, Task]:
    with metadata_server() as port:
        return Kubeflow(f"{ROOT}/artifacts", port, {}, start=task_container).run(compiled, **TONIGHT)


@pytest.fixture(scope="module")
def server(tasks: dict[str, Task]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The container of the server, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    full = command_line(SERVING, "--model-base-path", f"s3://{BUCKET}/root/models", "--port", str(port))
    with subprocess.Popen(full, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert re.match(r"temporec serves version \d+ of temporec", process.stdout.readline())
        yield process, f"localhost:{port}"
        process.kill()


@pytest.mark.parametrize("image", [PIPELINE, SERVING])
def test_image_has_labels_and_a_user_by_number(image: str) -> None:
    asked = subprocess.run([engine(), "inspect", "--type", "image", image], check=True, capture_output=True, text=True)
    config: dict[str, Any] = json.loads(asked.stdout)[0]["Config"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert config["User"] == str(USER)  # Kubernetes refuses a name where a pod must not run as root
    assert labels["title"] == image.partition(":")[0]
    assert labels["version"] == VERSION
    assert labels["revision"] == revision(REPOSITORY)
    assert labels["licenses"] == "Apache-2.0"
    assert labels["description"].endswith("(cpu)")


@pytest.mark.parametrize("image", [PIPELINE, SERVING])
def test_image_runs_temporec_without_root(image: str) -> None:
    assert shown(image, "id --user") == str(USER)
    assert shown(image, "temporec --version") == VERSION
    assert run(image, "touch", "/opt/temporec/file").returncode == 1


@pytest.mark.parametrize("image", [PIPELINE, SERVING])
def test_image_has_no_compiler_and_no_tests(image: str) -> None:
    assert run(image, "sh", "-c", "command -v g++ pip uv git").stdout == ""
    assert run(image, "python", "-c", "import tests.kubeflow").returncode == 1
    assert run(image, "python", "-c", "import pytest").returncode == 1


def test_pipeline_image_passes_the_doctor() -> None:
    ran = run(PIPELINE, "temporec", "doctor", "--json")
    found = {check["name"]: check["found"] for check in json.loads(ran.stdout)["checks"]}
    assert ran.returncode == 0
    assert found["Python"].startswith("3.13.")
    assert TFX_1_21.stack in found["glibc and dependency set"]
    assert found["legacy Keras"] == "tf_keras"


def test_task_in_the_serving_image_ends_with_the_remedy() -> None:
    ran = run(SERVING, *COMMAND)
    assert ran.returncode == 2
    assert "expected: an image in which python finds temporec and TFX" in ran.stderr
    assert "No package metadata was found for tfx" in ran.stderr


def test_every_task_runs_in_a_container_up_to_the_push(tasks: dict[str, Task]) -> None:
    assert tasks["LogFiles"].parameters["seen"].string_value.startswith("1 files, ")
    assert tasks["ModelGate"].artifacts["blessing"].metadata["blessed"] == 1
    assert tasks["Trainer"].artifacts["model"].metadata["tfx_version"] == "1.21.0"
    pushed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="root/models/")["Contents"]
    assert any(each["Key"].endswith("/saved_model.pb") for each in pushed)


def test_server_in_a_container_is_healthy_recommends_and_stops(server: tuple[subprocess.Popen[str], str]) -> None:
    process, address = server
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with Client(address) as client:
        (recommended,) = client.recommend([["i1", "i8"]], k=3)
    assert "i15" in recommended.item_ids  # the planted successor
    process.terminate()
    assert process.wait(timeout=60) == 0

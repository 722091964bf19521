"""The commands for Vertex AI, against a server with the message types of Google's client."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest
from google.cloud import aiplatform_v1
from google.protobuf import json_format
from google.rpc import status_pb2

from schemas.errors import ComponentFailed, InputError
from tests.pipeline.cluster.conftest import Command
from tests.pipeline.cluster.vertex_server import (
    ACCOUNT,
    PARENT,
    VertexServer,
    new_key,
    self_signed,
    vertex_server,
    write_account,
)

LINK = "https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines/runs/quickstart-1?project=shop"
NIGHTLY = ("--cron", "0 0 3 * * *", "--time-zone", "Europe/Berlin")
State = aiplatform_v1.PipelineState
TaskState = aiplatform_v1.PipelineTaskDetail.State


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bytes, bytes, Path]]:
    """The server's key and certificate, and the key file of a service account."""
    folder = tmp_path_factory.mktemp("secrets")
    key, pem = new_key()
    certificate = self_signed(key)
    (folder / "roots.pem").write_bytes(certificate)
    write_account(folder / "account.json", pem)
    with pytest.MonkeyPatch.context() as patch:
        # gRPC reads it once in a process.
        patch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(folder / "roots.pem"))
        yield pem, certificate, folder / "account.json"


@pytest.fixture
def vertex(secrets: tuple[bytes, bytes, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexServer]:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(secrets[2]))
    with vertex_server(VertexServer(), *secrets[:2]) as state:
        yield state


def login(state: VertexServer) -> tuple[str, ...]:
    return ("--target", "vertex", "--project", "shop", "--region", "europe-west4", "--host", state.address)


def details(*tasks: tuple[str, int, str]) -> aiplatform_v1.PipelineJobDetail:
    return aiplatform_v1.PipelineJobDetail(
        task_details=[
            aiplatform_v1.PipelineTaskDetail(task_name=name, state=state, error=status_pb2.Status(message=message))
            for name, state, message in tasks
        ]
    )


def test_submit_sends_the_job_with_typed_parameters(
    vertex: VertexServer, compiled: dict[str, Path], command: Command
) -> None:
    given = ("--set-parameter", "epochs=2", "--name", "tonight", "--service-account", "trainer@shop", "--no-cache")

    assert command("submit", compiled["vertex"], *login(vertex), *given) == f"{LINK}\n"

    (request,) = vertex.requests
    assert (request.parent, vertex.issuers) == (PARENT, [ACCOUNT])
    job = json_format.MessageToDict(aiplatform_v1.PipelineJob.pb(request.pipeline_job))
    assert (job["displayName"], job["serviceAccount"]) == ("tonight", "trainer@shop")
    assert job["runtimeConfig"] == {
        "gcsOutputDirectory": "gs://bucket/root/artifacts",
        "parameterValues": {"epochs": 2},
    }
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    wanted = json.loads(compiled["vertex"].read_text())["pipelineSpec"]
    assert tasks.keys() == wanted["root"]["dag"]["tasks"].keys()
    assert job["pipelineSpec"]["components"] == wanted["components"]
    assert {str(task["cachingOptions"]) for task in tasks.values()} == {"{}"}


def test_another_root_takes_the_artifacts_along_and_keeps_a_given_folder_of_models(
    vertex: VertexServer, compiled: dict[str, Path], command: Command
) -> None:
    given = ("--set-parameter", "root=gs://other/shop", "--set-parameter", "models_path=gs://served/shop")

    command("submit", compiled["vertex"], *login(vertex), *given)

    job = json_format.MessageToDict(aiplatform_v1.PipelineJob.pb(vertex.requests[-1].pipeline_job))
    assert job["runtimeConfig"] == {
        "gcsOutputDirectory": "gs://other/shop/artifacts",
        "parameterValues": {"root": "gs://other/shop", "models_path": "gs://served/shop"},
    }
    assert job["pipelineSpec"]["defaultPipelineRoot"] == "gs://other/shop/artifacts"


def test_failed_run_ends_with_its_component_and_its_message(
    vertex: VertexServer, compiled: dict[str, Path], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cluster.follow.EVERY_S", 0.01)
    running = details(("Transform", TaskState.SUCCEEDED, ""), ("Trainer", TaskState.RUNNING, ""))
    failed = details(("Transform", TaskState.SUCCEEDED, ""), ("Trainer", TaskState.FAILED, "exited with status 2"))
    vertex.jobs = [
        aiplatform_v1.PipelineJob(state=State.PIPELINE_STATE_RUNNING, job_detail=running),
        aiplatform_v1.PipelineJob(state=State.PIPELINE_STATE_FAILED, job_detail=failed),
    ]

    with pytest.raises(ComponentFailed) as caught:
        command("submit", compiled["vertex"], *login(vertex), "--wait")

    assert str(caught.value).splitlines() == [
        "the run on the cluster ended: FAILED",
        "Trainer failed. It ended with:",
        "exited with status 2",
        f"details:  {LINK}",
    ]


def test_schedule_is_created_listed_paused_resumed_run_and_deleted(
    vertex: VertexServer, compiled: dict[str, Path], command: Command
) -> None:
    for name in ("shop", "nightly"):
        given = (*NIGHTLY, "--name", name, "--max-concurrency", 2, "--set-parameter", "seed=7")
        printed = command("schedule", "create", compiled["vertex"], *login(vertex), *given)
    assert printed == "101\n"

    listed = command("schedule", "list", *login(vertex)).splitlines()
    assert listed[1] == "101  ACTIVE  CRON_TZ=Europe/Berlin 0 3 * * *  at most 2 at a time  nightly"
    command("schedule", "pause", "101", *login(vertex))
    assert "101  PAUSED" in command("schedule", "list", *login(vertex))
    command("schedule", "resume", f"{PARENT}/schedules/101", *login(vertex))
    assert "101  ACTIVE" in command("schedule", "list", *login(vertex))
    assert command("schedule", "run-now", "101", *login(vertex)) == f"{LINK}\n"
    assert dict(vertex.requests[-1].pipeline_job.runtime_config.parameter_values) == {"seed": 7}
    command("schedule", "delete", "101", *login(vertex))
    assert [*vertex.schedules] == [f"{PARENT}/schedules/100"]


@pytest.mark.parametrize(
    ("code", "expected", "received"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "a login that", "401"),
        (grpc.StatusCode.PERMISSION_DENIED, "the permission for this", "403"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "within the quota", "429"),
        (grpc.StatusCode.INVALID_ARGUMENT, "a request that", "400"),
        (grpc.StatusCode.UNAVAILABLE, "an answer of", "503"),
    ],
)
def test_refusal_of_the_server_has_a_remedy(
    vertex: VertexServer,
    compiled: dict[str, Path],
    command: Command,
    code: grpc.StatusCode,
    expected: str,
    received: str,
) -> None:
    vertex.fails_with = (code, "the server's own words")

    with pytest.raises(InputError) as caught:
        command("submit", compiled["vertex"], *login(vertex))

    assert expected in caught.value.expected
    assert caught.value.received == f"{received}: the server's own words"


def test_broken_server_is_a_failure(vertex: VertexServer, command: Command) -> None:
    vertex.fails_with = (grpc.StatusCode.INTERNAL, "out of order")
    with pytest.raises(ComponentFailed, match="500: out of order"):
        command("schedule", "list", *login(vertex))


def test_unknown_schedule_is_reported(vertex: VertexServer, command: Command) -> None:
    with pytest.raises(InputError, match="schedules/7' does not exist"):
        command("schedule", "pause", "7", *login(vertex))


def test_absent_server_is_reported(vertex: VertexServer, command: Command) -> None:
    vertex.address = "127.0.0.1:9"
    with pytest.raises(InputError, match=r"an answer of Vertex AI at 127\.0\.0\.1:9"):
        command("schedule", "list", *login(vertex))


def test_missing_key_file_is_reported(vertex: VertexServer, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/none/account.json")
    with pytest.raises(InputError, match="gcloud auth application-default login"):
        command("schedule", "list", *login(vertex))


@pytest.mark.parametrize(
    "pool",
    [
        "projects/1/locations/global/workloadIdentityPools/p/providers/q",  # the client logs in to find the project
        "locations/global/workforcePools/p/providers/q",  # the client logs in for the first request
    ],
)
def test_login_that_has_expired_is_reported(
    vertex: VertexServer, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool: str
) -> None:
    class Expired(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"error": "invalid_grant", "error_description": "Token has been expired"}).encode()
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    (tmp_path / "subject").write_text("token")
    with HTTPServer(("127.0.0.1", 0), Expired) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        federated = {
            "type": "external_account",
            "audience": f"//iam.googleapis.com/{pool}",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"http://127.0.0.1:{server.server_port}/token",
            "credential_source": {"file": str(tmp_path / "subject")},
        }
        (tmp_path / "federated.json").write_text(json.dumps(federated))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "federated.json"))
        with pytest.raises(InputError) as caught:
            command("schedule", "list", *login(vertex))
        server.shutdown()
    assert "a login that Vertex AI" in caught.value.expected
    assert "Token has been expired" in caught.value.received


def test_missing_package_names_the_extra(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pipeline.cluster.vertex_client", raising=False)
    monkeypatch.setitem(sys.modules, "google.cloud.aiplatform_v1", None)
    monkeypatch.delattr("google.cloud.aiplatform_v1")
    with pytest.raises(InputError, match=r"temporec\[vertex\]"):
        command("schedule", "list", "--target", "vertex", "--project", "shop", "--region", "europe-west4")


def test_seconds_and_missing_options_are_refused(
    vertex: VertexServer, compiled: dict[str, Path], command: Command
) -> None:
    with pytest.raises(InputError, match="0 as the second"):
        command("schedule", "create", compiled["vertex"], *login(vertex), "--cron", "30 0 3 * * *")
    with pytest.raises(InputError, match="--region for vertex"):
        command("schedule", "list", "--target", "vertex", "--project", "shop")
    assert vertex.requests == []

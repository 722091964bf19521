"""A server on loopback with the services of Vertex AI for pipelines and schedules.

It speaks gRPC over TLS with the message types of Google's client, and records the requests.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import aiplatform_v1
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2

ACCOUNT = "robot@shop.iam.gserviceaccount.com"
PARENT = "projects/shop/locations/europe-west4"


@dataclass
class VertexServer:
    """The state of the server.

    Args:
        fails_with: the code and the message of every answer.
        jobs: the answers about a run, one after the other. The last one stays.
    """

    fails_with: tuple[Any, str] | None = None
    jobs: list[Any] = field(default_factory=list)
    address: str = ""
    requests: list[Any] = field(default_factory=list)
    issuers: list[str] = field(default_factory=list)
    schedules: dict[str, Any] = field(default_factory=dict)

    def create_pipeline_job(self, request: Any) -> Any:
        """Return the job with a name."""
        job = request.pipeline_job
        job.name = f"{request.parent}/pipelineJobs/quickstart-1"
        return job

    def get_pipeline_job(self, _: Any) -> Any:
        """Return the next answer about a run."""
        return self.jobs[0] if len(self.jobs) == 1 else self.jobs.pop(0)

    def create_schedule(self, request: Any) -> Any:
        """Return the schedule with a name; it is active."""
        schedule = request.schedule
        schedule.name = f"{request.parent}/schedules/{100 + len(self.schedules)}"
        schedule.state = aiplatform_v1.Schedule.State.ACTIVE
        self.schedules[schedule.name] = schedule
        return schedule

    def list_schedules(self, request: Any) -> Any:
        """Return one schedule a page."""
        start = int(request.page_token or 0)
        found = [*self.schedules.values()]
        more = str(start + 1) if start + 1 < len(found) else ""
        return aiplatform_v1.ListSchedulesResponse(schedules=found[start : start + 1], next_page_token=more)

    def get_schedule(self, request: Any) -> Any:
        """Return a schedule."""
        return self.schedules[request.name]

    def pause_schedule(self, request: Any) -> Any:
        """Pause a schedule."""
        self.schedules[request.name].state = aiplatform_v1.Schedule.State.PAUSED
        return empty_pb2.Empty()

    def resume_schedule(self, request: Any) -> Any:
        """Resume a schedule."""
        self.schedules[request.name].state = aiplatform_v1.Schedule.State.ACTIVE
        self.schedules[request.name].catch_up = request.catch_up
        return empty_pb2.Empty()

    def delete_schedule(self, request: Any) -> Any:
        """Delete a schedule; the operation has ended."""
        del self.schedules[request.name]
        done = any_pb2.Any()
        done.Pack(empty_pb2.Empty())
        return operations_pb2.Operation(name=f"{PARENT}/operations/1", done=True, response=done)


# Service, method and type of the answer; the types of requests follow from the method.
_METHODS: tuple[tuple[str, str, Any], ...] = (
    ("PipelineService", "CreatePipelineJob", aiplatform_v1.PipelineJob),
    ("PipelineService", "GetPipelineJob", aiplatform_v1.PipelineJob),
    ("ScheduleService", "CreateSchedule", aiplatform_v1.Schedule),
    ("ScheduleService", "GetSchedule", aiplatform_v1.Schedule),
    ("ScheduleService", "ListSchedules", aiplatform_v1.ListSchedulesResponse),
    ("ScheduleService", "PauseSchedule", None),
    ("ScheduleService", "ResumeSchedule", None),
    ("ScheduleService", "DeleteSchedule", None),
)


def _handler(state: VertexServer, method: str) -> Callable[[Any, Any], Any]:
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method).strip("_")

    def answer(request: Any, context: Any) -> Any:
        token = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
        claims = token.split(".")[1]
        state.issuers.append(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"])
        state.requests.append(request)
        if state.fails_with:
            context.abort(*state.fails_with)
        try:
            return getattr(state, name)(request)
        except KeyError as missing:
            context.abort(grpc.StatusCode.NOT_FOUND, f"The Schedule {missing} does not exist.")

    return answer


@contextmanager
def vertex_server(state: VertexServer, key: bytes, certificate: bytes) -> Iterator[VertexServer]:
    """Serve on a free port until the block ends."""
    server = grpc.server(ThreadPoolExecutor(4))
    for service in ("PipelineService", "ScheduleService"):
        handlers = {
            method: grpc.unary_unary_rpc_method_handler(
                _handler(state, method),
                request_deserializer=getattr(aiplatform_v1, f"{method}Request").deserialize,
                response_serializer=answer.serialize if answer else lambda message: message.SerializeToString(),
            )
            for owner, method, answer in _METHODS
            if owner == service
        }
        generic = grpc.method_handlers_generic_handler(f"google.cloud.aiplatform.v1.{service}", handlers)
        server.add_generic_rpc_handlers((generic,))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    state.address = f"127.0.0.1:{port}"
    server.start()
    try:
        yield state
    finally:
        server.stop(None).wait()


def new_key() -> tuple[rsa.RSAPrivateKey, bytes]:
    """Return a new private key, and its PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key, pem


def self_signed(key: rsa.RSAPrivateKey) -> bytes:
    """Return a certificate of 127.0.0.1 for one day, in PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def write_account(path: Path, key: bytes) -> None:
    """Write the key file of a service account."""
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": ACCOUNT,
        "token_uri": "http://127.0.0.1:9/token",  # nothing listens there: the client signs its tokens itself
    }
    path.write_text(json.dumps(account))

"""The check of a job server, against Beam's own and against servers that are none."""

import socket
import time
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from pipeline.runners.job_server import check_job_server
from schemas.config import BeamConfig
from schemas.errors import InputError


def portable(port: int) -> BeamConfig:
    return BeamConfig(runner="portable", job_endpoint=f"localhost:{port}")


@pytest.fixture
def other_server() -> Iterator[int]:
    """A gRPC server without any service."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield port
    server.stop(0)


def test_job_server_of_beam_is_accepted() -> None:
    server = LocalJobServicer()
    port = server.start_grpc_server()
    try:
        check_job_server(portable(port))
    finally:
        server.stop()


def test_job_server_that_does_not_answer_is_refused_within_seconds() -> None:
    with socket.socket() as silent:  # it accepts connections, and says nothing
        silent.bind(("localhost", 0))
        silent.listen()
        start = time.monotonic()
        with pytest.raises(InputError, match="no connection within"):
            check_job_server(portable(silent.getsockname()[1]))
        assert time.monotonic() - start < 30


def test_other_server_is_refused_with_its_answer(other_server: int) -> None:
    with pytest.raises(InputError, match="UNIMPLEMENTED"):
        check_job_server(portable(other_server))

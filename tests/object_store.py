"""A real S3 server: versitygw, built from the Go module proxy. Without Go, tests that need it are skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

MODULE, VERSION = "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"
TOOLS = Path(__file__).resolve().parents[1] / ".tools" / VERSION
BUCKET = f"temporec-{os.getpid()}"  # processes of tests share the folder /s3


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Serve a folder over S3, with an empty bucket.

    Args:
        folder: an empty folder for the objects.

    Yields:
        The environment with which a client finds the server.
    """
    server = _server()
    for name in ("objects", "metadata"):
        (folder / name).mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_ACCESS_KEY_ID": "temporec",
        "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    options = ["--access", "temporec", "--secret", "secret-of-a-test", "--port", address, "--quiet"]
    command = [str(server), *options, "posix", "--sidecar", str(folder / "metadata"), str(folder / "objects")]
    with (folder / "server.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(address)
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                boto3.client("s3").create_bucket(Bucket=BUCKET)
                yield environment
        finally:
            process.kill()


def _server() -> Path:
    server = TOOLS / "versitygw"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:  # the tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not server.exists():
            go = shutil.which("go")
            if go is None:
                pytest.skip("needs Go, to build an S3 server")
            environment = {**os.environ, "GOBIN": str(TOOLS)}
            quick = ["-gcflags=all=-N -l", "-ldflags=-s -w"]  # a third less time to build
            command = [go, "install", *quick, f"{MODULE}@{VERSION}"]
            subprocess.run(command, env=environment, check=True, capture_output=True)
    return server


def _wait(address: str) -> None:
    host, port = address.split(":")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port))).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"no S3 server at {address}")

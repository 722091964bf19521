"""A real S3 server: versitygw."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from tests.go_tools import free_address, go_tool, wait_for

MODULE, VERSION = "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"
BUCKET = f"temporec-{os.getpid()}"  # processes of tests share the folder /s3


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Serve a folder over S3, with an empty bucket.

    Args:
        folder: an empty folder for the objects.

    Yields:
        The environment with which a client finds the server.
    """
    server = go_tool(MODULE, VERSION)
    for name in ("objects", "metadata"):
        (folder / name).mkdir(parents=True)
    address = free_address()
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
            wait_for(address)
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                boto3.client("s3").create_bucket(Bucket=BUCKET)
                yield environment
        finally:
            process.kill()

"""Errors of object stores: each comes within seconds, with what to do."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.common.buckets import check_bucket
from schemas.errors import InputError
from tests.object_store import BUCKET, object_store

CLOSED = "http://127.0.0.1:9"  # the port of a service that nobody runs
KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("store")):
        yield


@contextmanager
def answering(status: int, body: str = "") -> Iterator[str]:
    """A server that gives every request the same answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def failure(uri: str, setting: str = "data.path") -> str:
    with pytest.raises(InputError) as caught:
        check_bucket(uri, setting)
    return str(caught.value)


def test_bucket_that_can_be_listed_passes(store: None) -> None:
    check_bucket(f"s3://{BUCKET}/2026/*.csv", "data.path")


def test_missing_bucket_of_s3_is_named(store: None) -> None:
    text = failure("s3://absent/log.csv")
    assert "a bucket whose files can be listed in data.path" in text
    assert "create the bucket absent" in text


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_of_s3_are_named(store: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "wrong")
    assert KEYS in failure(f"s3://{BUCKET}/log.csv")


def test_missing_credentials_of_s3_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert KEYS in failure("s3://bucket/log.csv")


def test_half_of_the_credentials_of_s3_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "temporec")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    assert KEYS in failure("s3://bucket/log.csv")


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (400, "ExpiredToken", KEYS),
        (403, "AccessDenied", "give the credentials permission to list bucket"),
    ],
)
def test_refusals_of_s3_have_a_remedy(monkeypatch: pytest.MonkeyPatch, status: int, code: str, remedy: str) -> None:
    """The answers are those of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "temporec")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with answering(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>") as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert remedy in failure("s3://bucket/log.csv")


@pytest.mark.parametrize("endpoint", [CLOSED, "no-address"])
def test_endpoint_of_s3_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "temporec")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "AWS_ENDPOINT_URL" in failure("s3://bucket/log.csv")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "gcloud auth application-default login"),
        (403, "the account must have permission to list bucket"),
        (404, "create the bucket bucket"),
    ],
)
def test_refusals_of_google_have_a_remedy(monkeypatch: pytest.MonkeyPatch, status: int, remedy: str) -> None:
    with answering(status, '{"error": {"message": "no"}}') as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert remedy in failure("gs://bucket/log.csv")


def test_google_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", CLOSED)
    assert "check the network" in failure("gs://bucket/log.csv")


def test_empty_bucket_of_google_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, '{"kind": "storage#objects"}') as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        check_bucket("gs://bucket/log.csv", "data.path")


def test_other_file_systems_are_left_to_beam() -> None:
    check_bucket("hdfs://name-node/log.csv", "data.path")

"""Versions on a real S3 server, followed by a local folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.pusher.publish import publish
from pipeline.commands.serve import copy_newest, local_versions
from schemas.errors import InputError
from tests.object_store import BUCKET, object_store

MODELS = f"s3://{BUCKET}/models"


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    with object_store(tmp_path / "store"):
        yield


def push(folder: Path, text: str) -> str:
    (folder / text).mkdir(parents=True)
    (folder / text / "saved_model.pb").write_text(text)
    return publish(str(folder / text), MODELS).rsplit("/", 1)[1]


def test_folder_follows_the_newest_version(tmp_path: Path) -> None:
    first = push(tmp_path, "first")
    with local_versions(MODELS, poll_interval_s=0.05) as folder:
        assert (folder / first / "saved_model.pb").read_text() == "first"
        second = push(tmp_path, "second")
        end = time.monotonic() + 30
        while not (folder / second).exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert (folder / second / "saved_model.pb").read_text() == "second"
    assert not folder.exists()


def test_only_the_version_before_the_newest_is_kept(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    versions = []
    for text in ("first", "second", "third"):
        versions.append(push(tmp_path, text))
        copy_newest(MODELS, copies)
    assert sorted(path.name for path in copies.iterdir()) == versions[1:]


def test_missing_bucket_is_refused() -> None:
    with pytest.raises(InputError, match="--model-base-path"), local_versions("s3://absent/models"):
        pass

"""Pushes to a real S3 server, which has no rename."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from apache_beam.io.filesystems import FileSystems

from components.common.versions import whole_versions
from components.pusher.publish import publish
from components.served_model.component import previous_version
from tests.object_store import BUCKET, object_store

MODELS = f"s3://{BUCKET}/models"
FILES = {"fingerprint.pb", "saved_model.pb", "variables/data", "variables/index"}


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    with object_store(tmp_path / "store"):
        yield


def make_model(folder: Path) -> str:
    for name in FILES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{folder.name} {name}")
    return str(folder)


def objects() -> set[str]:
    return {each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def test_versions_ascend_and_a_copy_is_not_pushed_again(tmp_path: Path) -> None:
    first, second = (make_model(tmp_path / name) for name in ("first", "second"))
    pushed = [publish(model, MODELS) for model in (first, first, second)]
    assert pushed[0] == pushed[1]
    assert pushed[2] == f"{MODELS}/{max(whole_versions(MODELS))}"
    assert previous_version(MODELS, candidate=second) == pushed[0]
    version = pushed[2].removeprefix(f"s3://{BUCKET}/")
    assert {name for name in objects() if name.startswith(version)} == {f"{version}/{name}" for name in FILES}


def test_reader_that_polls_never_sees_a_part_of_a_version(tmp_path: Path) -> None:
    models = [make_model(tmp_path / f"model{number}") for number in range(10)]
    seen, ended = [], threading.Event()

    def poll() -> None:
        client = boto3.client("s3")
        while not ended.is_set():
            found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
            names = [each["Key"].removeprefix("models/").partition("/") for each in found]
            for version in {version for version, _, name in names if name == "saved_model.pb"}:
                seen.append({name for other, _, name in names if other == version})

    reader = threading.Thread(target=poll)
    reader.start()
    for model in models:
        publish(model, MODELS)
    ended.set()
    reader.join()
    assert len(seen) > len(models)
    assert all(files == FILES for files in seen)


def test_interrupted_push_is_no_version_and_the_next_push_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, create = make_model(tmp_path / "model"), FileSystems.create

    def create_until_the_graph(path: str, **options: str) -> object:
        if path.endswith("saved_model.pb"):
            raise OSError("the container is gone")
        return create(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FileSystems, "create", create_until_the_graph)
        with pytest.raises(OSError, match="the container is gone"):
            publish(model, MODELS)
    assert len(objects()) == len(FILES) - 1
    assert whole_versions(MODELS) == []

    publish(model, MODELS)
    assert len(objects()) == len(FILES)
    assert len(whole_versions(MODELS)) == 1

"""The same calls on a local folder, and on real servers of S3 and of Google's storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from components.common.stores import (
    copy_folder,
    delete_files,
    list_files,
    list_folder_objects,
    read_bytes,
    readable_by_tensorflow,
    write_bytes,
)
from tests.google_store import GOOGLE_BUCKET, google_store
from tests.object_store import BUCKET, object_store


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("store")), google_store(tmp_path_factory.mktemp("google")):
        yield


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data.gz").write_bytes(b"not compressed")
    return folder


@pytest.mark.parametrize("root", ["", f"s3://{BUCKET}/", f"gs://{GOOGLE_BUCKET}/"], ids=["disk", "s3", "gs"])
def test_folder_goes_to_a_store_and_back(root: str, tmp_path: Path, model: Path) -> None:
    target = f"{root or tmp_path}/round-trip".replace("//round", "/round")
    copy_folder(str(model), f"{target}/7")

    assert list_files(f"{target}/*/saved_model.pb") == [f"{target}/7/saved_model.pb"]
    assert list_files(f"{target}/**") == [f"{target}/7/saved_model.pb", f"{target}/7/variables/data.gz"]
    copy_folder(f"{target}/7", str(tmp_path / "back"))
    assert (tmp_path / "back" / "variables" / "data.gz").read_bytes() == b"not compressed"

    delete_files(list_files(f"{target}/7/variables/**"))
    assert read_bytes(f"{target}/7/variables/data.gz") is None
    assert read_bytes(f"{target}/7/saved_model.pb") == b"graph"


def test_tensorflow_gets_a_copy_of_a_folder_on_s3_and_a_local_folder_itself(model: Path) -> None:
    copy_folder(str(model), f"s3://{BUCKET}/copy")
    with readable_by_tensorflow(f"s3://{BUCKET}/copy") as folder:
        assert (Path(folder) / "saved_model.pb").read_bytes() == b"graph"
    assert not Path(folder).exists()
    with readable_by_tensorflow(str(model)) as folder:
        assert folder == str(model)


def test_tensorflow_reads_and_writes_a_folder_on_google_storage_itself(model: Path) -> None:
    copy_folder(str(model), f"gs://{GOOGLE_BUCKET}/direct")
    with readable_by_tensorflow(f"gs://{GOOGLE_BUCKET}/direct") as folder:
        assert folder == f"gs://{GOOGLE_BUCKET}/direct"
        assert tf.io.gfile.GFile(f"{folder}/saved_model.pb", "rb").read() == b"graph"
    with tf.io.gfile.GFile(f"{folder}/written", "wb") as file:
        file.write(b"by TensorFlow")
    assert read_bytes(f"{folder}/written") == b"by TensorFlow"


def test_objects_that_stand_for_folders_are_not_listed_as_files() -> None:
    folder = f"gs://{GOOGLE_BUCKET}/folders"
    tf.io.gfile.makedirs(f"{folder}/empty")
    write_bytes(f"{folder}/file", b"")
    assert list_files(f"{folder}/*") == list_files(f"{folder}/**") == [f"{folder}/file"]
    assert list_folder_objects(folder) == [f"{folder}/", f"{folder}/empty/"]

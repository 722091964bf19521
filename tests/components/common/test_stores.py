"""The same calls on a local folder and on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.common.stores import copy_folder, delete_files, list_files, read_bytes, readable_by_tensorflow
from tests.object_store import BUCKET, object_store


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("store")):
        yield


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data.gz").write_bytes(b"not compressed")
    return folder


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_folder_goes_to_a_store_and_back(kind: str, tmp_path: Path, model: Path) -> None:
    target = f"s3://{BUCKET}/round-trip" if kind == "s3" else str(tmp_path / "root")
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

"""New items in a model in a bucket, on real servers of S3 and of Google's storage."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from components.common.stores import copy_file, copy_folder, list_files, read_bytes
from components.common.versions import whole_versions
from pipeline.cli import app
from pipeline.commands.add_items import add_items
from pipeline.commands.serve import copy_newest
from schemas.errors import InputError
from tests.components.item_tables import row, write
from tests.google_store import GOOGLE_BUCKET, google_store
from tests.object_store import BUCKET, object_store
from tests.pipeline.content_version import ITEMS, SEEN, VERSION, content, write_version

STORES = [f"s3://{BUCKET}", f"gs://{GOOGLE_BUCKET}"]


@pytest.fixture(scope="module", autouse=True)
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("store")), google_store(tmp_path_factory.mktemp("google")):
        yield


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_version(tmp_path_factory.mktemp("content"))


@pytest.mark.parametrize("store", STORES, ids=["s3", "gs"])
def test_model_and_table_in_a_bucket_give_a_version_that_appears_complete(
    store: str, version: Path, tmp_path: Path
) -> None:
    models, items = f"{store}/models", f"{store}/items/new.jsonl"
    copy_folder(str(version), f"{models}/{VERSION}")
    table = str(write(tmp_path / "new.jsonl", "jsonl", [row("new", **content(SEEN)), row(ITEMS[0])]))
    copy_file(table, items)
    before = _content(f"{models}/{VERSION}")
    polled: list[set[str]] = []
    ended = threading.Event()

    def poll() -> None:
        while not ended.is_set():
            names = [file.removeprefix(f"{models}/").partition("/") for file in list_files(f"{models}/**")]
            for pushed in {number for number, _, name in names if name == "saved_model.pb"} - {VERSION}:
                polled.append({name for number, _, name in names if number == pushed})

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        arguments = ["index", "add", "--model", f"{models}/{VERSION}/", "--items", items, "--json"]
        found = CliRunner().invoke(app, arguments)
    finally:
        ended.set()
        reader.join()

    assert found.exit_code == 0, found.output
    result = json.loads(found.output)
    newest, *older = whole_versions(models)
    assert result["version"] == f"{models}/{newest}"
    assert (result["added"], result["known"], older) == (1, 1, [int(VERSION)])
    assert all(names == {*before, "assets.extra/origin"} for names in polled)
    assert _content(f"{models}/{VERSION}") == before
    copy_newest(models, tmp_path)
    on_disk = add_items(str(version), table).version
    assert on_disk is not None
    names = [*ITEMS, "new"]
    np.testing.assert_array_equal(_embed(str(tmp_path / str(newest)), names), _embed(on_disk, names))


@pytest.mark.parametrize("store", STORES, ids=["s3", "gs"])
def test_version_that_a_bucket_lacks_is_refused(store: str, version: Path) -> None:
    copy_folder(str(version), f"{store}/others/{VERSION}")
    with pytest.raises(InputError, match=f"a saved model in {store}/others/7(.|\n)*no saved_model.pb"):
        add_items(f"{store}/others/7", "items.csv")
    with pytest.raises(InputError, match=f"folder of versions: {VERSION}(.|\n)*one version: {store}/others/{VERSION}"):
        add_items(f"{store}/others", "items.csv")


@pytest.mark.parametrize("model", ["s3://absent/models/7", "gs://absent/models/7"])
def test_missing_bucket_is_refused(model: str) -> None:
    with pytest.raises(InputError, match=r"--model(.|\n)*absent"):
        add_items(model, "items.csv")


def _embed(path: str, items: list[str]) -> npt.NDArray[np.float32]:
    embed = tf.saved_model.load(path).signatures["embed"]
    return np.asarray(embed(item_ids=tf.constant(items))["embeddings"].numpy())


def _content(folder: str) -> dict[str, bytes | None]:
    return {file.removeprefix(f"{folder}/"): read_bytes(file) for file in list_files(f"{folder}/**")}

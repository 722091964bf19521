"""The embedding projector, requested the way TensorBoard does."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
from werkzeug.test import Client

from pipeline.display import projector
from pipeline.display.projector import write_projector
from schemas.config.columns import ItemColumnConfig
from schemas.config.tables import ItemsTableConfig
from schemas.features import VOCABULARY
from serving.export.export import export
from tests.serving.successor import ITEMS, POPULARITY, Successor
from trainer.baselines.constants import ITEMS_FILE

MOST_POPULAR = ["d", "a", "b", "e", "c", "f"]  # by `POPULARITY`, the most popular item first


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / VOCABULARY).write_text("".join(f"{item}\n" for item in ITEMS))
    export(
        Successor(),
        str(folder / "saved"),
        vocabulary_file=str(folder / VOCABULARY),
        popularity=np.array(POPULARITY, np.float32),
        k=2,
        remove_seen=True,
    )
    return folder / "saved"


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("counts")
    pq.write_table(
        pa.table({"item_id": ITEMS, "interactions": [16 * share for share in POPULARITY]}), folder / ITEMS_FILE
    )
    return str(folder)


class Shown:
    """The answers of TensorBoard's plugin for a folder of logs."""

    def __init__(self, log_dir: Path) -> None:
        apps = ProjectorPlugin(TBContext(logdir=str(log_dir))).get_plugin_apps()
        answers = {name: Client(apps[f"/{name}"]).get("/?run=.&name=items") for name in ("info", "tensor", "metadata")}
        assert {answer.status_code for answer in answers.values()} == {200}
        (embedding,) = json.loads(answers["info"].data)["embeddings"]
        self.shape = embedding["tensorShape"]
        self.vectors = np.frombuffer(answers["tensor"].data, np.float32).reshape(self.shape).tolist()
        self.metadata = [line.split("\t") for line in answers["metadata"].data.decode().splitlines()]


def table(path: Path, lines: Sequence[str]) -> ItemsTableConfig:
    path.write_text("\n".join(["id,name,genre,price", *lines]))
    columns = {"genre": ItemColumnConfig(column="genre"), "price": ItemColumnConfig(column="price", kind="number")}
    return ItemsTableConfig(path=str(path), id="id", title="name", columns=columns)


def test_projector_shows_vectors_titles_and_categories(model: Path, counts: str, tmp_path: Path) -> None:
    items = table(tmp_path / "items.csv", ["b,Bee,insect,1", 'a,"A  ""great""\tone",letter|first,2', "z,Unseen,,"])

    write_projector(tmp_path, model, counts, items)

    shown = Shown(tmp_path)
    # The scores after each letter (see `Successor`), without the last one, which is in the position of the bias.
    assert shown.shape == [6, 5]
    assert shown.vectors[MOST_POPULAR.index("a")] == [-5, -4, -3, -2, -1]
    assert shown.vectors[MOST_POPULAR.index("f")] == [-4, -3, -2, -1, 0]
    assert shown.metadata[:4] == [
        ["title", "id", "genre"],
        ["d", "d", ""],
        ['A "great" one', "a", "letter|first"],
        ["Bee", "b", "insect"],
    ]
    assert [line[1] for line in shown.metadata[1:]] == MOST_POPULAR


def test_projector_shows_changed_titles_of_the_same_model(model: Path, counts: str, tmp_path: Path) -> None:
    for title in ("Bee", "Bumblebee"):
        write_projector(tmp_path, model, counts, table(tmp_path / "items.csv", [f"b,{title},,"]))
        assert Shown(tmp_path).metadata[3][0] == title


def test_projector_without_a_table_shows_ids(model: Path, counts: str, tmp_path: Path) -> None:
    write_projector(tmp_path, model, counts, None)
    assert Shown(tmp_path).metadata == [[item] for item in MOST_POPULAR]  # a single column has no header in TensorBoard


def test_projector_shows_the_most_popular_items_of_a_large_catalogue(
    model: Path, counts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "POINTS", 2)
    write_projector(tmp_path, model, counts, None)
    assert Shown(tmp_path).metadata == [["d"], ["a"]]
    assert Shown(tmp_path).shape == [2, 5]

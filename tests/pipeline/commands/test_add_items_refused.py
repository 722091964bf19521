"""Models, tables and boosts that `temporec index add` refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import add_items as command
from pipeline.commands.add_items import add_items
from schemas.errors import InputError
from tests.components.item_tables import row
from tests.pipeline.commands.test_add_items import ROWS, WRONG, table
from tests.pipeline.content_version import ITEMS, VERSION, write_version
from trainer.network.content_model import ContentModel, read_content_model


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_version(tmp_path_factory.mktemp("content"))


def test_model_without_content_is_refused(version: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(version, tmp_path / VERSION))
    shutil.rmtree(copy / "assets.extra" / "content")
    with pytest.raises(
        InputError, match=r"reads the content of items(.|\n)*by its id only(.|\n)*model\.inputs\.columns"
    ):
        add_items(str(copy), table(tmp_path))


@pytest.mark.parametrize(
    ("rows", "received"),
    [([row(ITEMS[0]), row(ITEMS[1])], "2 items, all of them known"), ([], "no item")],
    ids=["known", "none"],
)
def test_table_without_a_new_item_is_refused(
    version: Path, tmp_path: Path, rows: list[dict[str, Any]], received: str
) -> None:
    with pytest.raises(InputError, match=rf"an item in .*new\.jsonl(.|\n)*{received}"):
        add_items(str(version), table(tmp_path, rows))


def test_table_with_too_many_rejected_rows_is_refused_and_its_rows_are_kept(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(model: str, path: str) -> ContentModel:
        found = read_content_model(model, path)
        return replace(found, table=found.table.model_copy(update={"max_rejected_share": 0.1}))

    monkeypatch.setattr(command, "read_content_model", limited)

    with pytest.raises(InputError, match=r"1 of 6 rows rejected(.|\n)*bad_number: 1 row"):
        add_items(str(version), table(tmp_path, [*ROWS, WRONG[0]]), tmp_path / "rejected")
    assert len(list((tmp_path / "rejected").iterdir())) == 1


def test_table_without_the_column_of_ids_is_refused(version: Path, tmp_path: Path) -> None:
    rows = [{name: value for name, value in each.items() if name != "sku"} for each in ROWS]
    (tmp_path / "new.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    with pytest.raises(InputError, match="no item; 5 rows rejected as no_item"):
        add_items(str(version), str(tmp_path / "new.jsonl"))


def test_table_without_an_item_like_a_known_one_is_refused(version: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"in common with(.|\n)*2 new items, all of them unlike(.|\n)*genres, price, image"
    ):
        add_items(str(version), table(tmp_path, [ROWS[2], ROWS[3]]))


@pytest.mark.parametrize("boost", ["nan", "-inf"])
def test_boost_that_is_not_finite_is_refused(version: Path, tmp_path: Path, boost: str) -> None:
    with pytest.raises(InputError, match=f"a finite boost(.|\n)*{boost}"):
        add_items(str(version), table(tmp_path), boost=float(boost))


def test_missing_table_is_refused(version: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl"):
        add_items(str(version), str(tmp_path / "none.jsonl"))


def test_folder_that_is_no_version_is_refused(version: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(version, tmp_path / "model"))
    with pytest.raises(InputError, match="whose name is a number"):
        add_items(str(copy), table(tmp_path))
    with pytest.raises(InputError, match=r"a saved model in (.|\n)*no saved_model\.pb"):
        add_items(str(tmp_path / "none"), table(tmp_path))

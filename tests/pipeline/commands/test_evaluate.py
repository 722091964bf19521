"""Saved models on a log of thirty users: what is measured of them, and which are refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.evaluate import evaluate_model
from schemas.config import Config
from schemas.errors import InputError
from serving.server.servable import SAVED_MODEL_FILE
from tests.pipeline.report_root import ABOUT, TERMS, config, write_log
from tests.serving.successor import Successor, write_model
from trainer.network.model_info import write_model_info


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a log, and a model that leaves out seen items and reads three; only to be read."""
    folder = tmp_path_factory.mktemp("alphabet")
    write_log(folder)
    write_model_info(str(write_model(folder / "model", k=10)), ABOUT, TERMS)
    return folder


def settings(folder: Path, **sections: Any) -> Config:
    """The log's configuration, with other sections."""
    return Config.model_validate({**config(folder).model_dump(), **sections})


def copied(folder: Path, to: Path, **terms: Any) -> Path:
    """The model on other terms, as it says."""
    model = Path(shutil.copytree(folder / "model", to / "model"))
    write_model_info(str(model), ABOUT, replace(TERMS, **terms))
    return model


def refusal(folder: Path, *arguments: Any, **sections: Any) -> str:
    with pytest.raises(InputError) as refused:
        evaluate_model(settings(folder, **sections), *arguments)
    return str(refused.value)


def test_a_model_is_measured_as_it_was_trained_whatever_the_configuration_says(folder: Path) -> None:
    metrics, protocol = evaluate_model(config(folder), folder / "model")
    assert metrics["test"]["recall@1"] == pytest.approx(24 / 30)  # see tests.pipeline.report_root
    assert metrics["baselines"]["popularity"]["repeats@3"] == 0
    assert protocol["seen_items"] == "removed"
    other = settings(folder, history={"max_length": 1}, serving={"remove_seen": False})
    assert evaluate_model(other, folder / "model") == (metrics, protocol)


def test_what_a_model_reads_is_told(folder: Path, tmp_path: Path) -> None:
    _, protocol = evaluate_model(config(folder), copied(folder, tmp_path, reads=("time", "kind")))
    assert protocol["reads"] == ["order", "time", "kind"]


def test_a_previous_model_is_measured_beside_it(folder: Path, tmp_path: Path) -> None:
    previous = write_model(tmp_path / "previous", Successor(step=2), k=10)
    write_model_info(str(previous), ABOUT, TERMS)
    output = tmp_path / "made" / "kept"
    metrics, _ = evaluate_model(config(folder), folder / "model", previous, output)
    assert metrics["previous"]["recall@1"] == pytest.approx(6 / 30)  # those whose fourth letter is the next but one
    assert (output / "summary.json").is_file()


class TestWhatIsRefused:
    @pytest.mark.parametrize("kind", ["category", "number"])
    def test_a_log_without_a_column_that_is_read(self, folder: Path, tmp_path: Path, kind: str) -> None:
        model = copied(folder, tmp_path, columns={"event": kind})
        assert f"reads: event, a {kind}\nreceived: items and their order alone" in refusal(folder, model)
        assert f"reads: event, a {kind}\n" in refusal(folder, folder / "model", model)

    def test_a_column_of_another_kind(self, folder: Path, tmp_path: Path) -> None:
        columns = {"user": "user", "item": "item", "timestamp": "time", "event": "item"}
        data = {**config(folder).data.model_dump(), "columns": columns}
        assert "received: event, a category" in refusal(
            folder, copied(folder, tmp_path, columns={"event": "number"}), data=data
        )

    @pytest.mark.parametrize("reads", ["time", "query_time"])
    def test_a_log_that_has_no_times_that_are_read(self, folder: Path, tmp_path: Path, reads: str) -> None:
        data = {**config(folder).data.model_dump(), "timestamp": {"unit": "order"}}
        assert "times, not only their order" in refusal(folder, copied(folder, tmp_path, reads=(reads,)), data=data)

    def test_models_that_treat_seen_items_otherwise(self, folder: Path, tmp_path: Path) -> None:
        keeps = copied(folder, tmp_path, remove_seen=False)
        assert f"{folder}/model, which leaves them out, {keeps}, which keeps them" in refusal(
            folder, folder / "model", keeps
        )

    def test_a_model_that_says_nothing_of_itself(self, folder: Path, tmp_path: Path) -> None:
        model = copied(folder, tmp_path)
        shutil.rmtree(model / "assets.extra")
        assert "nothing there on served," in refusal(folder, model)

    @pytest.mark.parametrize("content", [b"", b"no protocol buffer"])
    def test_a_damaged_model(self, folder: Path, tmp_path: Path, content: bytes) -> None:
        model = copied(folder, tmp_path)
        (model / SAVED_MODEL_FILE).write_bytes(content)
        assert "an error of TensorFlow" in refusal(folder, model)

    def test_a_model_whose_weights_are_cut_short(self, folder: Path, tmp_path: Path) -> None:
        model = copied(folder, tmp_path)
        (weights,) = (model / "variables").glob("variables.data-*")
        weights.write_bytes(weights.read_bytes()[:10])
        assert "an error of TensorFlow" in refusal(folder, folder / "model", model)

    def test_a_previous_model_that_is_gone(self, folder: Path, tmp_path: Path) -> None:
        assert f"no {SAVED_MODEL_FILE} there" in refusal(folder, folder / "model", tmp_path / "gone")

    def test_evaluate_with_a_log_without_an_item_of_the_model_raises(self, folder: Path, tmp_path: Path) -> None:
        log = (folder / "log.csv").read_text().splitlines()
        rows = [row.split(",") for row in log[3:]]  # after the header and two damaged rows
        other = tmp_path / "log.csv"
        other.write_text("user,item,time\n" + "".join(f"{user},other-{item},{time}\n" for user, item, time in rows))
        data = {**config(folder).data.model_dump(), "path": str(other), "items": None}
        message = refusal(folder, folder / "model", data=data)
        assert f"items that the model in {folder}/model knows" in message
        assert "6 items, such as 'other-a', and the model knows none of them" in message

    def test_an_output_that_is_there_or_cannot_be(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("kept")
        assert "File exists" in refusal(folder, folder / "model", None, tmp_path)
        assert "Not a directory" in refusal(folder, folder / "model", None, tmp_path / "file" / "new" / "kept")
        assert (tmp_path / "file").read_text() == "kept"

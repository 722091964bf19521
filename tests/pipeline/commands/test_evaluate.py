"""Evaluation of saved models on a log of thirty users, and the models that it refuses."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf

from pipeline.commands import evaluate
from pipeline.commands.evaluate import evaluate_model, validate_log
from schemas.config import Config
from schemas.errors import InputError
from serving.server.servable import SAVED_MODEL_FILE
from tests.pipeline.report_root import ABOUT, START_S, TERMS, config, write_log
from tests.serving.successor import Successor, write_model
from trainer.network.model_info import write_model_info


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log, and a model that removes seen items and reads three items; do not change it."""
    folder = tmp_path_factory.mktemp("alphabet")
    write_log(folder)
    write_model_info(str(write_model(folder / "model", k=10)), ABOUT, TERMS)
    return folder


def settings(folder: Path, **sections: Any) -> Config:
    """Return the log's configuration with other sections."""
    return Config.model_validate({**config(folder).model_dump(), **sections})


def copied(folder: Path, to: Path, **terms: Any) -> Path:
    """Return a copy of the model with other terms in its info."""
    model = Path(shutil.copytree(folder / "model", to / "model"))
    write_model_info(str(model), ABOUT, replace(TERMS, **terms))
    return model


def refusal(folder: Path, *arguments: Any, **sections: Any) -> str:
    with pytest.raises(InputError) as refused:
        evaluate_model(settings(folder, **sections), *arguments)
    return str(refused.value)


def test_history_length_and_seen_items_come_from_the_model(folder: Path) -> None:
    metrics, protocol = evaluate_model(config(folder), folder / "model")
    assert metrics["test"]["recall@1"] == pytest.approx(24 / 30)  # see tests.pipeline.report_root
    assert metrics["baselines"]["popularity"]["repeats@3"] == 0
    assert protocol["seen_items"] == "removed"
    other = settings(folder, history={"max_length": 1}, serving={"remove_seen": False})
    assert evaluate_model(other, folder / "model") == (metrics, protocol)


def test_protocol_lists_the_inputs_of_the_model(folder: Path, tmp_path: Path) -> None:
    _, protocol = evaluate_model(config(folder), copied(folder, tmp_path, reads=("time", "kind")))
    assert protocol["reads"] == ["order", "time", "kind"]


def test_previous_model_is_evaluated_on_the_same_queries(folder: Path, tmp_path: Path) -> None:
    previous = write_model(tmp_path / "previous", Successor(step=2), k=10)
    write_model_info(str(previous), ABOUT, TERMS)
    output = tmp_path / "made" / "kept"
    metrics, _ = evaluate_model(config(folder), folder / "model", previous, output)
    assert metrics["previous"]["recall@1"] == pytest.approx(6 / 30)  # those whose fourth letter is the next but one
    assert (output / "summary.json").is_file()


def test_impressions_are_evaluated_and_counted(folder: Path, tmp_path: Path) -> None:
    fourth_day_s = START_S + 3 * 86_400
    rows = [f"1,u00,{fourth_day_s},d f,f", f"2,u01,{fourth_day_s},a b,b", f",u02,{fourth_day_s},a,"]
    (tmp_path / "shown.csv").write_text("\n".join(["id,user,time,shown,clicked", *rows, ""]))
    columns = {"impression": "id", "user": "user", "timestamp": "time", "shown": "shown", "clicked": "clicked"}
    impressions = {"path": str(tmp_path / "shown.csv"), "columns": columns, "timestamp": {"unit": "s"}}
    data = {**config(folder).data.model_dump(), "impressions": impressions, "max_rejected_share": 0.5}
    cuts = {"validation_from": fourth_day_s - 86_400, "test_from": fourth_day_s}
    changed = settings(folder, data=data, split={"kind": "temporal", **cuts})

    metrics, _ = evaluate_model(changed, folder / "model", output=tmp_path / "kept")
    counts = validate_log(changed, tmp_path / "rejected").impressions

    assert metrics["impressions"]["systems"]["model"]["auc"][0] == 1.0  # the last letter comes first
    assert (tmp_path / "kept" / "impressions" / "impressions.parquet").is_file()
    assert counts is not None
    assert (counts.impressions["test"], counts.rows_rejected) == (2, {"no_impression": 1})
    assert {path.name.partition("-")[0] for path in (tmp_path / "rejected").iterdir()} == {"log.csv", "shown.csv"}


def test_validate_counts_the_rows_of_the_items_and_keeps_the_rejected_ones(tmp_path: Path) -> None:
    write_log(tmp_path)
    with (tmp_path / "items.csv").open("a") as file:
        file.write(",an item without an id,vowel\n")
    data = {**config(tmp_path).data.model_dump(), "max_rejected_share": 0.2}

    found = validate_log(settings(tmp_path, data=data), tmp_path / "rejected").items

    assert found is not None
    assert (found.rows_read, found.rows_accepted, found.rows_rejected) == (7, 6, {"no_item": 1})
    assert [each.line for each in found.rejected_samples["no_item"]] == [8]
    assert {path.name.partition("-")[0] for path in (tmp_path / "rejected").iterdir()} == {"log.csv", "items.csv"}


class TestTemporaryFolder:
    def test_folder_with_a_wildcard_is_used_by_validate(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "[1]").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "[1]"))
        assert validate_log(config(folder)).interactions.rows_accepted == 120

    def test_missing_folder_is_refused(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with pytest.raises(InputError, match="the variable TMPDIR"):
            validate_log(config(folder))

    @pytest.mark.parametrize(
        "error", [OSError(errno.ENOSPC, "No space left"), tf.errors.ResourceExhaustedError(None, None, "No space left")]
    )
    def test_full_folder_is_refused(self, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr(evaluate, "ingest", fail)
        with pytest.raises(InputError, match="No space left\nremedy:   free some space") as caught:
            validate_log(config(folder))
        assert tempfile.gettempdir() in str(caught.value)

    def test_other_error_of_a_file_is_not_hidden(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(evaluate, "ingest", fail)
        with pytest.raises(OSError, match="Input/output"):
            validate_log(config(folder))


class TestRefusedInput:
    @pytest.mark.parametrize("kind", ["category", "number"])
    def test_log_without_a_column_of_the_model(self, folder: Path, tmp_path: Path, kind: str) -> None:
        model = copied(folder, tmp_path, columns={"event": kind})
        assert f"{model}: event, a {kind}\nreceived: items and their order only" in refusal(folder, model)
        assert f"{model}: event, a {kind}\n" in refusal(folder, folder / "model", model)

    def test_column_of_another_kind(self, folder: Path, tmp_path: Path) -> None:
        columns = {"user": "user", "item": "item", "timestamp": "time", "event": "item"}
        data = {**config(folder).data.model_dump(), "columns": columns}
        assert "received: event, a category" in refusal(
            folder, copied(folder, tmp_path, columns={"event": "number"}), data=data
        )

    @pytest.mark.parametrize("reads", ["time", "query_time"])
    def test_log_without_times_for_a_model_that_reads_times(self, folder: Path, tmp_path: Path, reads: str) -> None:
        data = {**config(folder).data.model_dump(), "timestamp": {"unit": "order"}}
        assert "times instead of an order" in refusal(folder, copied(folder, tmp_path, reads=(reads,)), data=data)

    def test_models_that_differ_in_seen_items(self, folder: Path, tmp_path: Path) -> None:
        keeps = copied(folder, tmp_path, remove_seen=False)
        message = refusal(folder, folder / "model", keeps)
        assert f"{folder}/model, which removes seen items and" in message
        assert f"{keeps}, which keeps seen items and" in message

    def test_models_whose_items_expire_at_other_times(self, folder: Path, tmp_path: Path) -> None:
        expires = copied(folder, tmp_path, expire_after_s=60)
        assert f"{expires}, which removes seen items and lets items expire after 60 s" in refusal(
            folder, folder / "model", expires
        )

    def test_model_without_info(self, folder: Path, tmp_path: Path) -> None:
        model = copied(folder, tmp_path)
        shutil.rmtree(model / "assets.extra")
        assert "a model without served," in refusal(folder, model)

    @pytest.mark.parametrize("content", [b"", b"no protocol buffer"])
    def test_damaged_model(self, folder: Path, tmp_path: Path, content: bytes) -> None:
        model = copied(folder, tmp_path)
        (model / SAVED_MODEL_FILE).write_bytes(content)
        assert "an error of TensorFlow" in refusal(folder, model)

    def test_model_with_truncated_weights(self, folder: Path, tmp_path: Path) -> None:
        model = copied(folder, tmp_path)
        (weights,) = (model / "variables").glob("variables.data-*")
        weights.write_bytes(weights.read_bytes()[:10])
        assert "an error of TensorFlow" in refusal(folder, folder / "model", model)

    def test_missing_previous_model(self, folder: Path, tmp_path: Path) -> None:
        assert f"no {SAVED_MODEL_FILE}" in refusal(folder, folder / "model", tmp_path / "gone")

    def test_evaluate_with_a_log_without_an_item_of_the_model_raises(self, folder: Path, tmp_path: Path) -> None:
        log = (folder / "log.csv").read_text().splitlines()
        rows = [row.split(",") for row in log[3:]]  # after the header and two damaged rows
        other = tmp_path / "log.csv"
        other.write_text("user,item,time\n" + "".join(f"{user},other-{item},{time}\n" for user, item, time in rows))
        data = {**config(folder).data.model_dump(), "path": str(other), "items": None}
        message = refusal(folder, folder / "model", data=data)
        assert f"items that the model in {folder}/model knows" in message
        assert "6 items, such as 'other-a', and the model knows none of them" in message

    def test_output_that_exists_or_cannot_be_made(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("kept")
        assert "File exists" in refusal(folder, folder / "model", None, tmp_path)
        assert "Not a directory" in refusal(folder, folder / "model", None, tmp_path / "file" / "new" / "kept")
        assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    "read", [lambda settings, _: validate_log(settings), evaluate_model], ids=["validate", "evaluate"]
)
def test_log_that_changes_while_it_is_read_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Config, Path], object]
) -> None:
    write_log(tmp_path)
    log, make_pipeline = tmp_path / "log.csv", evaluate._local_pipeline

    def change_first() -> beam.Pipeline:
        log.write_text(log.read_text() + f"u00,a,{START_S}\n")
        return make_pipeline()

    monkeypatch.setattr(evaluate, "_local_pipeline", change_first)
    with pytest.raises(InputError, match=f"received: {log} has changed"):
        read(config(tmp_path), folder / "model")

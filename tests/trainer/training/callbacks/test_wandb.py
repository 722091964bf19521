"""Weights & Biases in its offline mode, read back from the file that it would send."""

import importlib
import importlib.util
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from tests.trainer.fitting import TRAIN, fit_planted
from tests.trainer.training.test_checkpoints import StopIn

TRACKED = TRAIN.model_copy(update={"wandb": "planted", "epochs": 3})

needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb, an optional package, is not installed"
)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


def records(path: Path) -> Iterator[Any]:
    proto = importlib.import_module("wandb.proto.wandb_internal_pb2")
    return map(proto.Record.FromString, parts_joined(path.read_bytes()))


def parts_joined(content: bytes) -> Iterator[bytes]:
    """Read LevelDB's log format (its doc/log_format.md): records, whole or in parts, in blocks of 32 KiB.

    W&B writes it behind a header of seven bytes, and has no reader that both of its versions here share.
    """
    head, block = struct.Struct("<4xHB"), 32 * 1024
    at, record = 7, b""
    while at + head.size <= len(content):
        if (left := block - at % block) < head.size:
            at += left
            continue
        length, kind = head.unpack_from(content, at)
        at += head.size + length
        record += content[at - length : at]
        if kind in (1, 4):  # a whole record, or the last part of one
            yield record
            record = b""


def values(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


@needs_wandb
def test_run_has_settings_epochs_and_final_metrics(tmp_path: Path) -> None:
    result = fit_planted(tmp_path, [], TRACKED)

    (path,) = (tmp_path / "logs" / "wandb").glob("offline-run-*/run-*.wandb")
    found = list(records(path))
    (run,) = (record.run for record in found if record.HasField("run"))
    assert run.project == "planted"
    assert values(run.config.update)["train.learning_rate"] == 0.02
    logged = [values(record.history.item) for record in found if record.HasField("history")]
    assert [epoch["_step"] for epoch in logged] == [0, 1, 2]
    for name in ("loss", "val_recall@10", "val_ndcg@10"):
        assert [epoch[name] for epoch in logged] == pytest.approx(result.model.history.history[name])
    assert logged[0]["learning_rate"] > logged[2]["learning_rate"] > 0
    summary: dict[str, Any] = {}
    for record in found:
        if record.HasField("summary"):
            summary |= values(record.summary.update)
    served = result.model_info.validation[result.model_info.served]
    assert {name: summary[f"best_{name}"] for name in served} == pytest.approx(served)
    assert summary["served"] == result.model_info.served


if __name__ == "__main__":
    fit_planted(Path(sys.argv[1]), [StopIn(2)], TRACKED)


@needs_wandb
def test_resumed_training_continues_the_run_of_the_killed_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.trainer.training.callbacks.test_wandb", str(tmp_path)]
    # W&B passes its service's address to child processes. This one must start its own service.
    own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    assert subprocess.run(command, capture_output=True, check=False, env=own).returncode == -signal.SIGKILL
    fit_planted(tmp_path, [], TRACKED)

    first, second = sorted((tmp_path / "logs" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert first.name == second.name  # the same run id
    logged = [values(record.history.item)["_step"] for record in records(second) if record.HasField("history")]
    assert logged == [2]


@needs_wandb
def test_project_refused_by_wandb_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a/b") as raised:
        fit_planted(tmp_path, [], TRACKED.model_copy(update={"wandb": "a/b"}))
    assert "WANDB_MODE=offline" in raised.value.remedy


def test_setting_without_the_package_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match="not installed") as raised:
        fit_planted(tmp_path, [], TRACKED)
    assert "temporec[wandb]" in raised.value.remedy


def test_wandb_is_not_imported_without_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    fit_planted(tmp_path, [], TRAIN.model_copy(update={"epochs": 1}))
    assert not (tmp_path / "logs" / "wandb").exists()

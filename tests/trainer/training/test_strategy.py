"""Training on two devices, and by two processes over the loopback, compared with one device."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import tensorflow as tf

from schemas import config
from schemas.errors import InputError
from tests.trainer.events import events, scalars
from tests.trainer.examples import read
from tests.trainer.fitting import ITEMS, LENGTH, write_planted
from tests.workers import last_line, start, start_workers
from trainer.training.fit import FitData, fit
from trainer.training.strategy import make_strategy

THIS = "tests.trainer.training.test_strategy"

# Without dropout and ranking, whose random numbers differ between one device and two. All else must be equal.
MODEL = {"dim": 16, "encoder": {"units": 16}, "dropout": 0.0}
# Of a batch of 7, two devices get 4 and 3 rows.
TRAIN = {"epochs": 3, "batch_size": 7, "learning_rate": 0.01, "warmup_steps": 5, "seed": 5}


def main(folder: Path, strategy: config.DistributionStrategy) -> None:
    """Train on the folder's examples, and print the epochs' logs."""
    if strategy == "mirrored":
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
        )
    made = make_strategy(strategy)  # before any computation
    settings = {"history": {"max_length": LENGTH}, "model": MODEL, "train": TRAIN, "serving": {}}
    model = fit(
        FitData(read(str(folder / "train.gz")), read(str(folder / "eval.gz")), ITEMS),
        config.TrainerConfig.model_validate(settings),
        str(folder / f"logs-{strategy}" / str(os.getpid())),
        str(folder / f"checkpoints-{strategy}"),
        strategy=made,
    ).model
    print(json.dumps({"replicas": model.distribute_strategy.num_replicas_in_sync, **model.history.history}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), cast(config.DistributionStrategy, sys.argv[2]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    write_planted(folder, count=101)
    return folder


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    return dict(json.loads(last_line(process)))


@pytest.fixture(scope="module")
def single(folder: Path) -> dict[str, Any]:
    return result(start(THIS, folder, "none"))


def check(found: dict[str, Any], single: dict[str, Any]) -> None:
    assert found["replicas"] == 2
    assert single["replicas"] == 1
    for name in ("loss", "retrieval_loss", "val_recall@10", "val_ndcg@10"):
        assert found[name] == pytest.approx(single[name], abs=1e-4), name


def check_logs(folder: Path, strategy: str) -> None:
    """Check that one process writes for all, and that the norm of all gradients is that of one device."""
    (logs,), (of_single,) = ((folder / f"logs-{name}").iterdir() for name in (strategy, "none"))
    for tag in ("step_loss", "step_gradient_norm", "step_learning_rate"):
        expected = scalars(of_single / "train", tag)
        assert len(expected) > 3
        assert scalars(logs / "train", tag) == pytest.approx(expected, abs=1e-4), tag
    assert "attention/history_1" in events(logs / "validation").Tags()["tensors"]


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [("tpu", "TPU_NAME", None), ("multi_worker", "TF_CONFIG", None), ("multi_worker", "TF_CONFIG", "{a")],
)
def test_strategy_without_valid_environment_variable_is_an_input_error(
    monkeypatch: pytest.MonkeyPatch, kind: config.DistributionStrategy, variable: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(variable, raising=False)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=variable):
        make_strategy(kind)


def test_two_devices_reach_the_losses_of_one(folder: Path, single: dict[str, Any]) -> None:
    check(result(start(THIS, folder, "mirrored")), single)
    check_logs(folder, "mirrored")


def test_two_workers_reach_the_losses_of_one(folder: Path, single: dict[str, Any]) -> None:
    workers = start_workers(THIS, [(folder, "multi_worker")] * 2)
    for found in [result(worker) for worker in workers]:
        check(found, single)
    check_logs(folder, "multi_worker")
    # Both workers save, and only one of them keeps it.
    assert (folder / "checkpoints-multi_worker" / "checkpoint").exists()
    assert not (folder / "checkpoints-multi_worker-1").exists()

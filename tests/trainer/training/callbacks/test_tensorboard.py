"""TensorBoard's files, read back."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from tests.trainer.events import events, scalars, series
from tests.trainer.fitting import LENGTH, TRAIN, fit_planted
from trainer.training.callbacks import tensorboard
from trainer.training.callbacks.tensorboard import HistogramLogger, SummaryWriters

BY_EPOCH = {"train": ["loss", "retrieval_loss"], "validation": ["recall@10", "ndcg@10"]}
BY_STEP = ["step_loss", "step_gradient_norm", "step_learning_rate"]


class Curve(tf.keras.callbacks.Callback):
    """Keras's logs of each step and epoch, and the weights after each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []
        self.weights: list[dict[str, npt.NDArray[np.float32]]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.steps.append(dict(logs or {}))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epochs.append(dict(logs or {}))
        self.weights.append({weight.name.removesuffix(":0"): weight.numpy() for weight in self.model.trainable_weights})


class Run:
    def __init__(self, folder: Path) -> None:
        self.curve = Curve()
        self.model_info = fit_planted(folder, [self.curve]).model_info
        self.logs = folder / "logs"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run"))


def test_epoch_scalars_are_losses_and_metrics_of_keras(run: Run) -> None:
    for folder, tags in BY_EPOCH.items():
        for tag in tags:
            logged = [epoch[f"val_{tag}" if folder == "validation" else tag] for epoch in run.curve.epochs]
            assert scalars(run.logs / folder, f"epoch_{tag}") == pytest.approx(dict(enumerate(logged)), rel=1e-6)


def test_step_scalars_are_loss_and_gradient_norm_of_each_tenth_step(run: Run) -> None:
    tenth = dict(list(enumerate(run.curve.steps))[::10])
    assert len(tenth) > TRAIN.epochs / 2
    for tag in ("step_loss", "step_gradient_norm"):
        assert scalars(run.logs / "train", tag) == pytest.approx({i: logs[tag] for i, logs in tenth.items()}, rel=1e-6)
    assert min(scalars(run.logs / "train", "step_gradient_norm").values()) > 0


def test_step_losses_have_the_epoch_loss_as_mean(run: Run) -> None:
    of_first = run.curve.steps[: len(run.curve.steps) // TRAIN.epochs]
    assert np.mean([logs["step_loss"] for logs in of_first]) == pytest.approx(run.curve.epochs[0]["loss"], rel=1e-5)


def test_learning_rate_scalars_warm_up_and_fall_in_a_cosine(run: Run) -> None:
    peak, warmup, steps = TRAIN.learning_rate, TRAIN.warmup_steps, len(run.curve.steps)
    expected = {0: 0.0}
    for step in range(10, steps, 10):
        falling = (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
        expected[step] = peak * (0.01 + 0.99 * falling)
    assert scalars(run.logs / "train", "step_learning_rate") == pytest.approx(expected, rel=1e-4)
    by_epoch = scalars(run.logs / "train", "epoch_learning_rate")
    assert list(by_epoch) == list(range(TRAIN.epochs))
    assert list(by_epoch.values()) == sorted(by_epoch.values(), reverse=True)


def test_histogram_holds_all_values_of_each_weight(run: Run) -> None:
    kernels = [name for name in run.curve.weights[0] if name.endswith("kernel")]
    assert len(kernels) > 1
    for name in ("items/vectors", *kernels):
        found = series(run.logs / "train", name)
        assert [epoch for epoch, _ in found] == list(range(TRAIN.epochs))
        for epoch, buckets in found:  # a row for each: from, to, how many
            weight = run.curve.weights[epoch][name]
            assert buckets[:, 2].sum() == weight.size
            assert (buckets[0, 0], buckets[-1, 1]) == pytest.approx((weight.min(), weight.max()))
    tags = events(run.logs / "train").Tags()["tensors"]
    assert set(run.curve.weights[0]) <= set(tags)


def test_histogram_of_large_table_holds_a_subsample_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "MAX_HISTOGRAM_VALUES", 10)
    table = tf.keras.Sequential([tf.keras.layers.Dense(2, use_bias=False, name="table")])
    table.build([None, 20])
    table.set_weights([np.arange(40, dtype=np.float32).reshape(20, 2)])
    large = HistogramLogger(tf.summary.create_file_writer(str(tmp_path)))
    large.set_model(table)

    large.on_epoch_end(0)

    ((_, buckets),) = series(tmp_path, "table/kernel")
    # 40 weights are 4 times 10: rows 0, 4, ..., 16, the last of them 32 and 33.
    assert (buckets[:, 2].sum(), buckets[0, 0], buckets[-1, 1]) == (10, 0, 33)


def test_hparams_hold_settings_and_metrics_of_served_stage(run: Run) -> None:
    found = events(run.logs)

    def parsed(tag: str) -> plugin_data_pb2.HParamsPluginData:
        return plugin_data_pb2.HParamsPluginData.FromString(found.SummaryMetadata(tag).plugin_data.content)

    hparams = parsed("_hparams_/session_start_info").session_start_info.hparams
    settings = {name: value.number_value or value.string_value for name, value in hparams.items()}
    assert settings["train.learning_rate"] == 0.02
    assert settings["model.attention.kind"] == "multi_head"
    assert settings["history.max_length"] == LENGTH
    assert parsed("_hparams_/session_end_info").session_end_info.status == api_pb2.STATUS_SUCCESS
    served = run.model_info.validation[run.model_info.served]
    for name in ("recall@10", "ndcg@10"):
        assert scalars(run.logs, f"best_{name}") == pytest.approx({0: served[name]}, rel=1e-6)


def test_graph_shows_the_loss(run: Run) -> None:
    scopes = {node.name.split("/")[0] for node in events(run.logs).Graph().node}
    assert {"history_encoder", "retrieval"} <= scopes


def test_resumed_training_continues_the_logs_of_the_killed_one(run: Run, tmp_path: Path) -> None:
    """Also if its folder is another one, as in a new execution of a pipeline."""
    command = [sys.executable, "-m", "tests.trainer.training.test_checkpoints", str(tmp_path), "3", "plain"]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(scalars(tmp_path / "logs" / "train", "epoch_loss")) == 3

    fit_planted(tmp_path, [], logs="run/later")

    for folder, tags in BY_EPOCH.items():
        for tag in [f"epoch_{tag}" for tag in tags] + (BY_STEP if folder == "train" else []):
            later = scalars(tmp_path / "run" / "later" / folder, tag)
            assert later == pytest.approx(scalars(run.logs / folder, tag)), tag
    assert not (tmp_path / "logs").exists()


def test_repeated_steps_are_shown_once(tmp_path: Path) -> None:
    for first, last, value in ((0, 8, 1.0), (5, 10, 2.0)):  # the first one was killed in the epoch that began with 5
        writers = SummaryWriters(str(tmp_path), epoch=first // 5, step=first)
        for step in range(first, last):
            with writers["train"].as_default(step):
                tf.summary.scalar("loss", value)
        writers.flush()
        time.sleep(1)  # files are read in the order of their names, which begin with the second
    assert scalars(tmp_path / "train", "loss") == {step: 1.0 if step < 5 else 2.0 for step in range(10)}


@pytest.mark.parametrize("steps", [(3, 5), (4, 1000)])
def test_profile_is_recorded_in_configured_steps(steps: tuple[int, int], run: Run, tmp_path: Path) -> None:
    """The second profile ends with the training."""
    fit_planted(tmp_path, [], TRAIN.model_copy(update={"profile": steps, "epochs": 1}))
    (profile,) = (tmp_path / "logs" / "plugins" / "profile").glob("*/*.xplane.pb")
    assert profile.stat().st_size > 10_000
    assert not os.path.exists(run.logs / "plugins")


def test_tensorboard_starts_with_installed_packages() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tensorboard.main", "--version"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]

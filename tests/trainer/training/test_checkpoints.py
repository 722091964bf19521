"""Trainings that are interrupted, diverge, or stop early."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from schemas import config
from schemas.errors import InputError
from tests.trainer.fitting import TRAIN, fit_planted

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    # All that draws or remembers: negatives, dropout, parts of a batch, and a rate that depends on the metrics.
    "drawn": {
        "loss": config.LossConfig(kind="sampled", negatives=8, in_batch=4),
        "accumulation": 2,
        "schedule": "plateau",
    },
}


class Losses(tf.keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[tuple[int, float, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self.epochs.append((epoch, logs["loss"], logs["val_ndcg@10"]))


def train(folder: Path, *callbacks: Any, **settings: Any) -> tuple[Any, Losses]:
    losses = Losses()
    folder.mkdir(exist_ok=True)
    return fit_planted(folder, [losses, *callbacks], TRAIN.model_copy(update=settings)).model, losses


class StopIn(tf.keras.callbacks.Callback):
    """A callback that kills the process in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._last, self._now = epoch, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._now = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._now == self._last and batch == 3:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    train(Path(sys.argv[1]), StopIn(int(sys.argv[2])), **SETTINGS[sys.argv[3]])


def test_resumed_training_ends_with_weights_of_undisturbed_one(tmp_path: Path) -> None:
    undisturbed, whole = train(tmp_path / "undisturbed", **SETTINGS["drawn"])
    folder, kills = tmp_path / "killed", (0, 3)
    for epoch in kills:
        command = [sys.executable, "-m", "tests.trainer.training.test_checkpoints", str(folder), str(epoch), "drawn"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    model, losses = train(folder, **SETTINGS["drawn"])
    assert losses.epochs == whole.epochs[kills[-1] :]  # completed epochs are not repeated
    for weight, expected in zip(model.trainable_variables, undisturbed.trainable_variables, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_checkpoint_holds_no_cooccurrence_tables(tmp_path: Path) -> None:
    model, _ = train(tmp_path, epochs=1)
    saved = tf.train.load_checkpoint(str(tmp_path / "checkpoints")).get_variable_to_shape_map()
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    # The weights, the best weights, the optimizer's two moments, and a few scalars.
    assert weights * 4 <= sum(int(np.prod(shape)) for shape in saved.values()) < weights * 4 + 20


def test_ended_training_only_restores_its_model(tmp_path: Path) -> None:
    first, _ = train(tmp_path, epochs=2)
    again, losses = train(tmp_path, epochs=2)
    assert losses.epochs == []
    for weight, expected in zip(again.trainable_variables, first.trainable_variables, strict=True):
        np.testing.assert_array_equal(weight, expected)


class Poison(tf.keras.callbacks.Callback):
    """A callback that sets weights to NaN in one epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch
        self.good: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch:
            self.good = [weight.numpy() for weight in self.model.trainable_variables]
            self.model.trainable_variables[0].assign(self.model.trainable_variables[0] * np.nan)


def test_nan_loss_stops_with_batch_and_rate_and_restores_last_good_weights(
    tmp_path: Path,
) -> None:
    poison = Poison(1)
    with pytest.raises(InputError, match=r"nan in batch 1 of epoch 2, at a learning rate of 0\.02") as raised:
        train(tmp_path, poison)
    assert "lower train.learning_rate" in raised.value.remedy
    for weight, good in zip(poison.model.trainable_variables, poison.good, strict=True):
        np.testing.assert_array_equal(weight, good)


def test_plateau_halves_the_rate_after_two_epochs_without_progress(tmp_path: Path) -> None:
    class Rates(tf.keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.rates: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.rates.append(float(self.model.optimizer.schedule.scale))

    rates = Rates()
    _, losses = train(tmp_path, rates, schedule="plateau", learning_rate=1e-9, warmup_steps=0, epochs=9, patience=5)
    values = [value for *_, value in losses.epochs]
    assert max(values[1:]) <= values[0]  # with a rate near 0 no epoch beats the first
    assert rates.rates == [1, 1, 0.5, 0.5, 0.25, 0.25]

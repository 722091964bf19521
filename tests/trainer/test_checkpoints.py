"""Training that is interrupted, that diverges, that stops."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from schemas.errors import InputError
from tests.trainer.fitting import TRAIN, fit_planted


class Losses(tf.keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[tuple[int, float, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self.epochs.append((epoch, logs["loss"], logs["val_ndcg@10"]))


def train(folder: Path, *callbacks: Any, **settings: Any) -> tuple[Any, Losses]:
    losses = Losses()
    return fit_planted(folder, [losses, *callbacks], TRAIN.model_copy(update=settings)), losses


class StopIn(tf.keras.callbacks.Callback):
    """Kills the process in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._last, self._now = epoch, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._now = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._now == self._last and batch == 3:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    train(Path(sys.argv[1]), StopIn(int(sys.argv[2])))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Losses]:
    return train(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_killed_training_goes_on_and_ends_as_one_that_was_not(
    epoch: int, undisturbed: tuple[Any, Losses], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.trainer.test_checkpoints", str(tmp_path), str(epoch)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    model, losses = train(tmp_path)
    assert losses.epochs == undisturbed[1].epochs[epoch:]  # nothing that was done is done again
    for weight, expected in zip(model.trainable_variables, undisturbed[0].trainable_variables, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_training_that_had_ended_only_gives_its_model_back(tmp_path: Path) -> None:
    first, _ = train(tmp_path, epochs=2)
    again, losses = train(tmp_path, epochs=2)
    assert losses.epochs == []
    for weight, expected in zip(again.trainable_variables, first.trainable_variables, strict=True):
        np.testing.assert_array_equal(weight, expected)


class Poison(tf.keras.callbacks.Callback):
    """Makes the weights useless in a certain epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch
        self.good: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch:
            self.good = [weight.numpy() for weight in self.model.trainable_variables]
            self.model.trainable_variables[0].assign(self.model.trainable_variables[0] * np.nan)


def test_a_loss_that_is_not_finite_stops_with_the_batch_and_the_rate_and_keeps_the_last_good_weights(
    tmp_path: Path,
) -> None:
    poison = Poison(1)
    with pytest.raises(InputError, match=r"nan in batch 1 of epoch 2, at a learning rate of 0\.02") as raised:
        train(tmp_path, poison)
    assert "lower train.learning_rate" in raised.value.remedy
    for weight, good in zip(poison.model.trainable_variables, poison.good, strict=True):
        np.testing.assert_array_equal(weight, good)


def test_a_plateau_halves_the_rate_after_two_epochs_without_progress(tmp_path: Path) -> None:
    class Rates(tf.keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.rates: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.rates.append(float(self.model.optimizer.schedule.scale))

    rates = Rates()
    _, losses = train(tmp_path, rates, schedule="plateau", learning_rate=1e-9, warmup_steps=0, epochs=9, patience=5)
    values = [value for *_, value in losses.epochs]
    assert max(values[1:]) <= values[0]  # with a rate of nearly nothing no epoch beats the first
    assert rates.rates == [1, 1, 0.5, 0.5, 0.25, 0.25]

"""Logs for Weights & Biases, an optional package that nothing else here needs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from schemas.errors import InputError
from trainer.network.model_info import ModelInfo
from trainer.network.train_step import STEP
from trainer.training.callbacks.tensorboard import TrainingCallback

_RUN_ID = "wandb-run.txt"  # in the folder of logs


def load_wandb() -> Any:
    """Import the package and return it.

    Raises:
        InputError: the package is not installed.
    """
    try:
        import wandb
    except ImportError:
        raise InputError(
            expected="the package wandb, because train.wandb names a project",
            received="the package is not installed",
            remedy="install temporec[wandb], or remove train.wandb",
        ) from None
    return wandb


class WandbLogger(TrainingCallback):
    """Hyperparameters, scalars by epoch and final metrics for Weights & Biases.

    Its own environment variables control it: with WANDB_MODE=offline everything stays in the folder of logs.

    Args:
        project: the project in Weights & Biases.
        settings: hyperparameters by path.
        log_dir: the logs of the training, where its files go as well.
        resumed: whether the training, and so its run, is resumed.

    Raises:
        InputError: the package is not installed.
    """

    def __init__(
        self, project: str, settings: Mapping[str, bool | int | float | str], log_dir: str, resumed: bool
    ) -> None:
        super().__init__()
        self._wandb = load_wandb()
        self._project = project
        self._settings = dict(settings)
        self._log_dir = log_dir
        self._resumed = resumed

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start or resume a run.

        Raises:
            InputError: Weights & Biases refuses the run.
        """
        try:
            self._run = self._wandb.init(
                project=self._project,
                config=self._settings,
                id=self._run_id(),
                resume="allow" if self._resumed else None,
                reinit="create_new",  # not one that an earlier training in this process left open
                dir=None if "://" in self._log_dir else self._log_dir,
                settings=self._wandb.Settings(console="off", silent=True),
            )
        except self._wandb.errors.Error as error:
            raise InputError(
                expected=f"a run in project {self._project!r} of Weights & Biases, from train.wandb",
                received=str(error),
                remedy="log in with `wandb login`, set WANDB_MODE=offline, or remove train.wandb",
            ) from error

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Send the epoch's values and the learning rate of its last step."""
        values = {name: float(value) for name, value in (logs or {}).items() if not name.startswith(STEP)}
        values["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())
        self._run.log(values, step=epoch)

    def finish(self, info: ModelInfo) -> None:
        """Send the validation metrics of the served stage, and end the run.

        Args:
            info: the result of the training.
        """
        served = {f"best_{name}": value for name, value in info.validation[info.served].items()}
        self._run.summary.update({**served, "served": info.served, "parameters": info.parameters})
        self._run.finish()

    def _run_id(self) -> str:
        path = os.path.join(self._log_dir, _RUN_ID)
        if self._resumed and tf.io.gfile.exists(path):
            with tf.io.gfile.GFile(path) as file:
                return str(file.read())
        run_id = uuid.uuid4().hex
        tf.io.gfile.makedirs(self._log_dir)
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(run_id)
        return run_id

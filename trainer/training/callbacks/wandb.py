"""Weights & Biases, for who wants it: an optional package, which nothing else here needs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from schemas.errors import InputError
from trainer.network.model import STEP
from trainer.network.model_info import ModelInfo
from trainer.training.callbacks.tensorboard import TrainingCallback

_RUN_ID = "wandb-run.txt"  # in the folder of logs


def load_wandb() -> Any:
    """The package.

    Raises:
        InputError: it is not installed.
    """
    try:
        import wandb
    except ImportError:
        raise InputError(
            expected="the package wandb, for train.wandb names a project of Weights & Biases",
            received="it is not installed",
            remedy="install temporec[wandb], or remove train.wandb",
        ) from None
    return wandb


class Tracking(TrainingCallback):
    """Sends settings, scalars by epoch and final metrics to Weights & Biases.

    Where to, and whether at all, its own variables say: WANDB_MODE=offline keeps everything in the folder of logs.

    Args:
        project: the project there.
        settings: by path.
        log_dir: of the training, and for its files.
        resumed: whether the training goes on, and with it the run that it began.

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
        """Begins a run, or takes it up.

        Raises:
            InputError: Weights & Biases refuses it.
        """
        try:
            self._run = self._wandb.init(
                project=self._project,
                config=self._settings,
                id=self._run_id(),
                resume="allow" if self._resumed else None,
                reinit="create_new",  # and not one that a training before it in this process left open
                dir=None if "://" in self._log_dir else self._log_dir,
                settings=self._wandb.Settings(console="off", silent=True),
            )
        except self._wandb.errors.Error as error:
            raise InputError(
                expected=f"a run of project {self._project!r} in Weights & Biases, for train.wandb",
                received=str(error),
                remedy="log in with `wandb login`, or set WANDB_MODE=offline, or remove train.wandb",
            ) from error

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Sends what the epoch logged, and the rate of its last step."""
        values = {name: float(value) for name, value in (logs or {}).items() if not name.startswith(STEP)}
        values["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())
        self._run.log(values, step=epoch)

    def finish(self, about: ModelInfo) -> None:
        """Sends the validation metrics of the order that is served, and ends the run."""
        served = {f"best_{name}": value for name, value in about.validation[about.served].items()}
        self._run.summary.update({**served, "served": about.served, "parameters": about.parameters})
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

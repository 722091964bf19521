"""Logs for TensorBoard: scalars by step and epoch, hyperparameters with their metrics, weights, a profile."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.summary import session_end_pb
from tensorflow.core.util import event_pb2

from trainer import compat
from trainer.network.model_info import ModelInfo
from trainer.network.train_step import STEP

TRAIN, VALIDATION, RUN = "train", "validation", ""  # folders of the logs: one for each split, and one for the training
STEP_INTERVAL = 10  # steps between two scalars: a dozen points in a short epoch, at half a millisecond each
MAX_HISTOGRAM_VALUES = 100_000  # roughly; TensorBoard needs 240 bytes for each to make a histogram
_VALIDATION = "val_"  # Keras's prefix for logs of validation
_LOG_DIR_NOTE = "logs.txt"  # in the folder of checkpoints: the folder of their training's logs


class SummaryWriters:
    """One writer for each folder of a training's logs, because TensorBoard follows only a folder's newest file.

    Args:
        log_dir: where TensorBoard finds the training.
        epoch: the first epoch to train. TensorBoard hides what an interrupted training logged about it and later ones.
        step: the first step of that epoch.
    """

    def __init__(self, log_dir: str, epoch: int = 0, step: int = 0) -> None:
        self._writers = {}
        for folder, first in ((TRAIN, step), (VALIDATION, epoch), (RUN, 0)):
            self._writers[folder] = tf.summary.create_file_writer(os.path.join(log_dir, folder))
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            event = event_pb2.Event(wall_time=time.time(), step=first, session_log=start)
            tf.raw_ops.ImportEvent(
                writer=compat.writer_resource(self._writers[folder]), event=event.SerializeToString()
            )

    def __getitem__(self, folder: str) -> tf.summary.SummaryWriter:
        return self._writers[folder]

    def flush(self) -> None:
        """Write everything to the files."""
        for writer in self._writers.values():
            writer.flush()


class TrainingCallback(tf.keras.callbacks.Callback):
    """A callback that also receives the result of the training."""

    def finish(self, info: ModelInfo) -> None:
        """Log the result.

        Args:
            info: the stage that is served, and its metrics.
        """


class ScalarLogger(TrainingCallback):
    """Loss, learning rate and gradient norm by step; losses, rate and validation metrics by epoch.

    Args:
        writers: the writers of the training.
    """

    def __init__(self, writers: SummaryWriters) -> None:
        super().__init__()
        self._writers = writers

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the step's own values and its learning rate, once in `STEP_INTERVAL` steps."""
        step = completed_steps(self.model) - 1
        if step % STEP_INTERVAL == 0:
            with self._writers[TRAIN].as_default(step):
                for name, value in {**(logs or {}), f"{STEP}learning_rate": self._rate()}.items():
                    if name.startswith(STEP):
                        tf.summary.scalar(name, value)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the epoch's values and the learning rate of its last step."""
        for name, value in {**(logs or {}), "learning_rate": self._rate()}.items():
            folder = VALIDATION if name.startswith(_VALIDATION) else TRAIN
            if not name.startswith(STEP):
                with self._writers[folder].as_default(epoch):
                    tf.summary.scalar(f"epoch_{name.removeprefix(_VALIDATION)}", value)
        self._writers.flush()

    def _rate(self) -> float:
        return float(self.model.optimizer.learning_rate.numpy())


class HistogramLogger(TrainingCallback):
    """Histograms of all weights after each epoch; tables with more than 100,000 values are subsampled by row.

    Args:
        writer: the writer of the training split.
    """

    def __init__(self, writer: tf.summary.SummaryWriter) -> None:
        super().__init__()
        self._writer = writer

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write a histogram of each trainable weight."""
        with self._writer.as_default(epoch):
            for weight in self.model.trainable_variables:
                every = -(-weight.shape.num_elements() // MAX_HISTOGRAM_VALUES)
                tf.summary.histogram(weight.name.partition(":")[0], weight[::every])


class HParamsLogger(TrainingCallback):
    """Hyperparameters and the validation metrics of the served stage, for TensorBoard's HParams.

    The metrics are those of the best epoch and the better stage, so their prefix is `best`.

    Args:
        writer: the writer of the whole training.
        settings: hyperparameters by path.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, settings: Mapping[str, bool | int | float | str]) -> None:
        super().__init__()
        self._writer = writer
        self._settings = dict(settings)

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Write the hyperparameters."""
        with self._writer.as_default():
            hparams.hparams(self._settings)
        self._writer.flush()

    def finish(self, info: ModelInfo) -> None:
        """Write the metrics of the served stage.

        Args:
            info: the result of the training.
        """
        with self._writer.as_default(0):
            for name, value in info.validation[info.served].items():
                tf.summary.scalar(f"best_{name}", value)
            end = session_end_pb(api_pb2.STATUS_SUCCESS).SerializeToString()
            tf.summary.experimental.write_raw_pb(end)
        self._writer.flush()


class StepProfiler(TrainingCallback):
    """A profile of TensorFlow's operations in some steps.

    Args:
        log_dir: where TensorBoard finds the profile.
        first: the first step, counted from 0.
        last: the last step.
    """

    def __init__(self, log_dir: str, first: int, last: int) -> None:
        super().__init__()
        self._log_dir = log_dir
        self._steps = range(first, last + 1)
        self._recording = False

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start at the first step, or at a later one if a training is resumed between first and last."""
        if not self._recording and completed_steps(self.model) in self._steps:
            tf.profiler.experimental.start(self._log_dir)
            self._recording = True

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stop after the last step."""
        if completed_steps(self.model) not in self._steps:
            self._stop()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Stop if the training ends before the last step."""
        self._stop()

    def _stop(self) -> None:
        if self._recording:
            tf.profiler.experimental.stop()
            self._recording = False


def adopt_interrupted_logs(log_dir: str, checkpoint_dir: str) -> None:
    """Move the logs of an interrupted training to the folder of the training that resumes it.

    Args:
        log_dir: the logs of the training that starts or resumes.
        checkpoint_dir: its checkpoints, and a note of where their logs are.
    """
    note = os.path.join(checkpoint_dir, _LOG_DIR_NOTE)
    if tf.io.gfile.exists(note):
        with tf.io.gfile.GFile(note) as file:
            before = file.read()
        if before != log_dir and tf.io.gfile.isdir(before):
            tf.io.gfile.makedirs(os.path.dirname(log_dir))
            tf.io.gfile.rename(before, log_dir, overwrite=True)
    tf.io.gfile.makedirs(checkpoint_dir)
    with tf.io.gfile.GFile(note, "w") as file:
        file.write(log_dir)


def completed_steps(model: tf.keras.Model) -> int:
    """Return the number of steps that a model has been trained for, over all processes."""
    return int(model.optimizer.iterations.numpy())

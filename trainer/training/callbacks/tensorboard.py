"""What TensorBoard shows of a training: scalars by step and epoch, settings and their metrics, weights, a profile."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.summary import session_end_pb
from tensorflow.core.util import event_pb2

from trainer.network.model import STEP
from trainer.network.model_info import ModelInfo

TRAIN, VALIDATION, RUN = "train", "validation", ""  # folders of a training's logs: by split, and of the whole of it
STEPS = 10  # between two scalars by step: a dozen points in a short epoch, for half a millisecond each
SHOWN_WEIGHTS = 100_000  # in a histogram, about; TensorBoard takes 240 bytes for each to make it
_VALIDATION = "val_"  # as Keras names what it logs
_BEFORE = "logs.txt"  # in the folder of checkpoints: where the training that they are of wrote its logs


class Writers:
    """One writer for each folder of a training's logs: TensorBoard follows the newest file of a folder only.

    Args:
        log_dir: where TensorBoard finds the training.
        epoch: the first that will be trained. What was logged of it and of later ones, by a training that was
            interrupted, TensorBoard no longer shows.
        step: its first step.
    """

    def __init__(self, log_dir: str, epoch: int = 0, step: int = 0) -> None:
        self._writers = {}
        for folder, first in ((TRAIN, step), (VALIDATION, epoch), (RUN, 0)):
            self._writers[folder] = tf.summary.create_file_writer(os.path.join(log_dir, folder))
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            event = event_pb2.Event(wall_time=time.time(), step=first, session_log=start)
            tf.raw_ops.ImportEvent(writer=self._writers[folder]._resource, event=event.SerializeToString())

    def __getitem__(self, folder: str) -> tf.summary.SummaryWriter:
        return self._writers[folder]

    def flush(self) -> None:
        """Makes everything visible."""
        for writer in self._writers.values():
            writer.flush()


class TrainingCallback(tf.keras.callbacks.Callback):
    """A callback that also hears what the model is in the end."""

    def finish(self, about: ModelInfo) -> None:
        """After the training, when it is known which order is served and how good it is."""


class Scalars(TrainingCallback):
    """Loss, rate and gradient norm by step; losses, rate and validation metrics by epoch.

    Args:
        writers: where to.
    """

    def __init__(self, writers: Writers) -> None:
        super().__init__()
        self._writers = writers

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes what a step logged of itself, and the rate that it had."""
        step = done_steps(self.model) - 1
        if step % STEPS == 0:
            with self._writers[TRAIN].as_default(step):
                for name, value in {**(logs or {}), f"{STEP}learning_rate": self._rate()}.items():
                    if name.startswith(STEP):
                        tf.summary.scalar(name, value)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes what the epoch logged, and the rate of its last step."""
        for name, value in {**(logs or {}), "learning_rate": self._rate()}.items():
            folder = VALIDATION if name.startswith(_VALIDATION) else TRAIN
            if not name.startswith(STEP):
                with self._writers[folder].as_default(epoch):
                    tf.summary.scalar(f"epoch_{name.removeprefix(_VALIDATION)}", value)
        self._writers.flush()

    def _rate(self) -> float:
        return float(self.model.optimizer.learning_rate.numpy())


class Histograms(TrainingCallback):
    """How the weights are distributed after each epoch; of a large table, every so many rows count.

    Args:
        writer: where to.
    """

    def __init__(self, writer: tf.summary.SummaryWriter) -> None:
        super().__init__()
        self._writer = writer

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes a histogram of each trainable weight."""
        with self._writer.as_default(epoch):
            for weight in self.model.trainable_variables:
                every = -(-weight.shape.num_elements() // SHOWN_WEIGHTS)
                tf.summary.histogram(weight.name.partition(":")[0], weight[::every])


class Settings(TrainingCallback):
    """The settings, and beside them what is served reaches in validation: TensorBoard's HParams.

    That is the best epoch in the better of the two orders, so it is called `best`.

    Args:
        writer: where to.
        settings: by path.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, settings: Mapping[str, bool | int | float | str]) -> None:
        super().__init__()
        self._writer = writer
        self._settings = dict(settings)

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Writes the settings."""
        with self._writer.as_default():
            hparams.hparams(self._settings)
        self._writer.flush()

    def finish(self, about: ModelInfo) -> None:
        """Writes the metrics."""
        with self._writer.as_default(0):
            for name, value in about.validation[about.served].items():
                tf.summary.scalar(f"best_{name}", value)
            end = session_end_pb(api_pb2.STATUS_SUCCESS).SerializeToString()
            tf.summary.experimental.write_raw_pb(end)
        self._writer.flush()


class Profile(TrainingCallback):
    """Records what TensorFlow does in some steps.

    Args:
        log_dir: where TensorBoard's profiler finds it.
        first: the first of these steps, counted from 0.
        last: the last of them.
    """

    def __init__(self, log_dir: str, first: int, last: int) -> None:
        super().__init__()
        self._log_dir = log_dir
        self._steps = range(first, last + 1)
        self._records = False

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Starts with the first of the steps, or with a later one where a training is taken up among them."""
        if not self._records and done_steps(self.model) in self._steps:
            tf.profiler.experimental.start(self._log_dir)
            self._records = True

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stops after the last of the steps."""
        if done_steps(self.model) not in self._steps:
            self._stop()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Stops where the training ends before the last of the steps."""
        self._stop()

    def _stop(self) -> None:
        if self._records:
            tf.profiler.experimental.stop()
            self._records = False


def adopt_interrupted_logs(log_dir: str, checkpoint_dir: str) -> None:
    """Moves what an interrupted training has logged to where the one that goes on logs.

    Args:
        log_dir: of the training that begins or goes on.
        checkpoint_dir: from which it goes on, if it does. Notes where the logs are.
    """
    note = os.path.join(checkpoint_dir, _BEFORE)
    if tf.io.gfile.exists(note):
        with tf.io.gfile.GFile(note) as file:
            before = file.read()
        if before != log_dir and tf.io.gfile.isdir(before):
            tf.io.gfile.makedirs(os.path.dirname(log_dir))
            tf.io.gfile.rename(before, log_dir, overwrite=True)
    tf.io.gfile.makedirs(checkpoint_dir)
    with tf.io.gfile.GFile(note, "w") as file:
        file.write(log_dir)


def done_steps(model: tf.keras.Model) -> int:
    """How many steps a model was trained for, in all."""
    return int(model.optimizer.iterations.numpy())

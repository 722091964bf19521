"""Checkpoints: the best weights, early stopping, and a state to resume from after each epoch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import TrainConfig
from schemas.config.evaluation import K
from schemas.errors import InputError
from trainer.training.chief import is_chief

MONITOR = f"val_ndcg@{K}"
_RATE_FACTOR, _RATE_PATIENCE = 0.5, 2  # the plateau schedule's factor, and the epochs without progress before it


class Checkpoints(tf.keras.callbacks.Callback):
    """Early stopping that restores the best weights, with its whole state saved after each epoch.

    Keras's `EarlyStopping` and `BackupAndRestore` each do one half, and
    neither saves the best weights. The random generator (dropout, negatives)
    is seeded in each epoch from the seed and the epoch's number, so a resumed
    run ends with the same metrics as an undisturbed one.

    Args:
        directory: where to save. Runs with other settings need another directory.
        train: the seed, the patience and the schedule.
    """

    def __init__(self, directory: str, train: TrainConfig) -> None:
        super().__init__()
        self._directory = directory
        self._train = train
        self._epoch = tf.Variable(0, trainable=False, dtype=tf.int64)  # completed epochs
        self._best = tf.Variable(-1.0, trainable=False)
        self._since_best = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._since_lowered = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._scales = tf.Variable(tf.ones([train.epochs]), trainable=False)  # of the learning rate, by epoch

    def restore(self, model: tf.keras.Model) -> int:
        """Restore the state in the directory, if there is one.

        Args:
            model: compiled, with all its weights.

        Returns:
            The number of completed epochs; all epochs if the run had ended.
        """
        weights = model.trainable_variables
        model.optimizer.build(weights)
        self._weights = [tf.Variable(weight, trainable=False) for weight in weights]
        # Not the whole model: its co-occurrence tables are large, and counted again.
        checkpoint = tf.train.Checkpoint(
            weights=weights,
            optimizer=model.optimizer,
            rate=model.optimizer.schedule.scale,
            best_weights=self._weights,
            state=[self._epoch, self._best, self._since_best, self._since_lowered, self._scales],
        )
        strategy = tf.distribute.get_strategy()
        # All workers must take part in saving the variables that they share; all but one delete their copy.
        self._own = self._directory if is_chief() else f"{self._directory}-{strategy.cluster_resolver.task_id}"
        self._manager = tf.train.CheckpointManager(checkpoint, self._own, max_to_keep=1)
        if latest := tf.train.latest_checkpoint(self._directory):
            checkpoint.restore(latest).assert_existing_objects_matched()
        return self._train.epochs if self._is_over() else int(self._epoch)

    @property
    def rate_scales(self) -> npt.NDArray[np.float32]:
        """The factors of the learning rate in the epochs up to the best one, float32 [epochs]."""
        return np.asarray(self._scales.numpy()[: int(self._epoch - self._since_best)])

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Seed the random generator for the epoch."""
        seed_epoch(self._train.seed, epoch)
        self._scales[epoch].assign(self.model.optimizer.schedule.scale)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop at a loss that is not finite, with the weights of the best epoch restored.

        Raises:
            InputError: the loss is not finite.
        """
        try:
            check_finite((logs or {})["loss"], self.model, batch, int(self._epoch))
        except InputError:
            self._restore_best()
            raise

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the weights if they are the best so far, and save the state."""
        value = (logs or {})[MONITOR]
        if value > self._best:
            self._best.assign(value)
            for kept, weight in zip(self._weights, self.model.trainable_variables, strict=True):
                kept.assign(weight)
            self._since_best.assign(0)
            self._since_lowered.assign(0)
        else:
            self._since_best.assign_add(1)
            self._since_lowered.assign_add(1)
        if self._train.schedule == "plateau" and self._since_lowered >= _RATE_PATIENCE:
            scale = self.model.optimizer.schedule.scale
            scale.assign(scale * _RATE_FACTOR)
            self._since_lowered.assign(0)
        self._epoch.assign(epoch + 1)
        self._manager.save()
        if self._own != self._directory:
            tf.io.gfile.rmtree(self._own)
        self.model.stop_training = self._is_over()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the best weights."""
        self._restore_best()

    def _is_over(self) -> bool:
        return bool(self._since_best >= self._train.patience or self._epoch >= self._train.epochs)

    def _restore_best(self) -> None:
        for kept, weight in zip(self._weights, self.model.trainable_variables, strict=True):
            weight.assign(kept)


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed the generator of dropout and negatives, so that an epoch does not depend on the process that trains it.

    Args:
        seed: the seed of the training.
        epoch: the epoch, from 0.
    """
    tf.random.get_global_generator().reset_from_seed(seed * 1_000_003 + epoch)


def check_finite(loss: float, model: tf.keras.Model, batch: int, epoch: int) -> None:
    """Check the loss of a batch.

    Args:
        loss: the loss.
        model: the model in training.
        batch: the batch, from 0.
        epoch: the epoch, from 0.

    Raises:
        InputError: the loss is not finite.
    """
    if not np.isfinite(loss):
        rate = float(model.optimizer.learning_rate.numpy())
        raise InputError(
            expected="a finite training loss",
            received=f"{loss} in batch {batch + 1} of epoch {epoch + 1}, at a learning rate of {rate:.2g}",
            remedy="lower train.learning_rate or train.clip_norm, or raise train.warmup_steps",
        )

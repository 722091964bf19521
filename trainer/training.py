"""Fits the model: seeds, optimizer, schedule, early stopping, TensorBoard, progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from schemas.config import History, Model, Section, Train
from schemas.errors import InputError
from trainer.data import eval_batches, train_batches
from trainer.metrics import K
from trainer.model import NextItemModel

MONITOR = f"val_recall@{K}"
_FINAL_RATE = 0.01  # of the learning rate, at the end of the last epoch
_EVAL_BATCH_SIZE = 256
_NOT_DECAYED = ["bias", "gamma", "beta"]


def fit(
    train_files: Sequence[str],
    eval_files: Sequence[str],
    item_count: int,
    history: History,
    model: Model,
    train: Train,
    log_dir: str,
    remove_seen: bool = True,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> NextItemModel:
    """Trains a model and gives it the weights of its best epoch.

    The same files, settings and seed give the same weights on the same
    machine. For that, the process's seeds are set and its operations made
    deterministic.

    Args:
        train_files: TFRecord.gz files of transformed training examples, or patterns of them.
        eval_files: the same of validation examples.
        item_count: items of the vocabulary.
        history: how long histories are.
        model: the network.
        train: how to fit it.
        log_dir: where TensorBoard finds the run.
        remove_seen: whether validation leaves out what the user has seen, as the served model will.
        callbacks: Keras callbacks beside those for early stopping, logs and progress.

    Raises:
        InputError: a split has no example, or none whose items are known.
    """
    tf.keras.utils.set_random_seed(train.seed)
    tf.config.experimental.enable_op_determinism()
    training = train_batches(train_files, item_count, history.max_length, train.batch_size, train.seed)
    validation = eval_batches(eval_files, item_count, _EVAL_BATCH_SIZE)
    steps = _count(training, "training", train_files)
    _count(validation, "validation", eval_files)
    network = NextItemModel(item_count, history.max_length, model, remove_seen)
    network.compile(optimizer=optimizer(train, steps * train.epochs))
    _write_graph(network, training.element_spec, log_dir)
    network.fit(
        training,
        validation_data=validation,
        epochs=train.epochs,
        verbose=0,
        callbacks=[
            tf.keras.callbacks.EarlyStopping(MONITOR, patience=train.patience, mode="max", restore_best_weights=True),
            tf.keras.callbacks.TensorBoard(log_dir, write_graph=False),
            hparams.KerasCallback(log_dir, _flat(history, model, train)),
            Progress(train.epochs),
            *callbacks,
        ],
    )
    return network


class Progress(tf.keras.callbacks.Callback):
    """Logs a line an epoch to `temporec.progress`, its parts as `extra` fields of the record.

    Args:
        epochs: epochs planned; early stopping may end before.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._logger = logging.getLogger("temporec.progress")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Starts the clock."""
        self._begin_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Logs the epoch's loss, validation metrics, and the time it leaves."""
        done = epoch + 1
        elapsed_s = time.monotonic() - self._begin_s
        left_s = elapsed_s / done * (self._epochs - done)
        values = {name: (logs or {}).get(name, float("nan")) for name in ("loss", MONITOR, f"val_ndcg@{K}")}
        self._logger.info(
            "epoch %d/%d  %s  %.0f s, at most %.0f s left",
            done,
            self._epochs,
            "  ".join(f"{name} {value:.4f}" for name, value in values.items()),
            elapsed_s,
            left_s,
            extra={"epoch": done, "epochs": self._epochs, "elapsed_s": elapsed_s, "left_s": left_s, "values": values},
        )


def optimizer(train: Train, steps: int) -> tf.keras.optimizers.Optimizer:
    """AdamW for so many steps: a linear warm-up, a cosine down to 1 % of the rate, gradients clipped.

    Biases and the scales of norms do not decay.
    """
    warmup = min(train.warmup_steps, steps - 1)
    schedule = tf.keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=train.learning_rate,
        warmup_steps=warmup,
        decay_steps=steps - warmup,
        alpha=_FINAL_RATE,
    )
    adam = tf.keras.optimizers.AdamW(schedule, weight_decay=train.weight_decay, global_clipnorm=train.clip_norm)
    adam.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return adam


def _count(batches: tf.data.Dataset, split: str, files: Sequence[str]) -> int:
    count = sum(1 for _ in batches)
    if count == 0:
        raise InputError(
            expected=f"at least one {split} example with a known item before a known target",
            received=f"none in {', '.join(files)}",
            remedy="check the split and the minimum interactions of users and items: too little is left",
        )
    return count


def _write_graph(network: NextItemModel, batch: dict[str, tf.TensorSpec], log_dir: str) -> None:
    """Writes the graph of the loss for TensorBoard: Keras 2's own callback writes none with this TensorFlow."""
    loss = tf.function(network.compute_loss, autograph=False).get_concrete_function(batch)
    with tf.summary.create_file_writer(log_dir).as_default():
        tf.summary.graph(loss.graph)


def _flat(history: History, model: Model, train: Train) -> dict[str, bool | int | float | str]:
    """Every setting of the sections under its path, as TensorBoard's hyper-parameters."""
    flat: dict[str, bool | int | float | str] = {}

    def add(prefix: str, section: Section) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, Section):
                add(f"{prefix}.{name}", value)
            else:
                flat[f"{prefix}.{name}"] = value if isinstance(value, bool | int | float | str) else str(value)

    for name, section in (("history", history), ("model", model), ("train", train)):
        add(name, section)
    return flat

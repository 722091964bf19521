"""Progress of a training: one log line for each epoch."""

from __future__ import annotations

import logging
import time

import tensorflow as tf

from schemas.config.evaluation import K

LOGGER = logging.getLogger("temporec.progress")


class TrainingProgress(tf.keras.callbacks.Callback):
    """A line for each epoch in the log `temporec.progress`, with its parts as `extra` fields of the record.

    Args:
        epochs: planned epochs; early stopping may end the training before.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._done = 0  # epochs of this process, which may have resumed a training

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._begin_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log the epoch's loss and validation metrics, and the time left at most."""
        self._done += 1
        done = epoch + 1
        elapsed_s = time.monotonic() - self._begin_s
        left_s = elapsed_s / self._done * (self._epochs - done)
        values = {name: (logs or {}).get(name, float("nan")) for name in ("loss", f"val_recall@{K}", f"val_ndcg@{K}")}
        LOGGER.info(
            "epoch %d/%d  %s  %.0f s, at most %.0f s left",
            done,
            self._epochs,
            "  ".join(f"{name} {value:.4f}" for name, value in values.items()),
            elapsed_s,
            left_s,
            extra={"epoch": done, "epochs": self._epochs, "elapsed_s": elapsed_s, "left_s": left_s, "values": values},
        )

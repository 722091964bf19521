"""Scalars of attention: how far it spreads, after each epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from schemas.features import ITEM_IDS, PADDING_ID
from trainer.metrics.attention_shares import attention_shares
from trainer.training.callbacks.tensorboard import TrainingCallback

ENTROPY, NEWEST = "epoch_attention_entropy", "epoch_attention_newest_position"


class AttentionScalars(TrainingCallback):
    """Means of the last attention block's weights at the end of some histories, after each epoch.

    Args:
        writer: the writer of the validation split.
        batch: a batch of validation. Histories with fewer than three items are left out.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, batch: Mapping[str, tf.Tensor]) -> None:
        super().__init__()
        self._writer = writer
        lengths = np.count_nonzero(batch[ITEM_IDS] != PADDING_ID, axis=1)
        kept = np.flatnonzero(lengths > 2)
        self._last = lengths[kept] - 1
        self._histories = {name: tf.gather(values, kept) for name, values in batch.items()}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the mean entropy, and the mean weight of the newest position that the last one reads."""
        if not len(self._last):
            return
        weights = self.model.attention(self._histories).numpy()
        shares = attention_shares(weights[np.arange(len(weights)), self._last], self._last)
        if len(shares.entropy):
            with self._writer.as_default(epoch):
                tf.summary.scalar(ENTROPY, shares.entropy.mean())
                tf.summary.scalar(NEWEST, shares.newest.mean())

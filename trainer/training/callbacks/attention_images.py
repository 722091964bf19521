"""Images of attention: how much each position of a history attends to each other position."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import ITEM_IDS, PADDING_ID
from trainer.training.callbacks.tensorboard import TrainingCallback

IMAGES = 4  # histories
_MIN_SIDE = 256  # pixels
_TITLE = (
    "A row for each position of the history, the oldest at the top, and a column for each position that it attends to."
    " White is the highest weight of a row, black is 0."
)


class AttentionImages(TrainingCallback):
    """Images of the last attention block's weights over a few histories, after each epoch.

    Args:
        writer: the writer of the validation split.
        batch: a batch of validation, of which the longest histories are shown.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, batch: Mapping[str, tf.Tensor]) -> None:
        super().__init__()
        self._writer = writer
        lengths = np.count_nonzero(batch[ITEM_IDS] != PADDING_ID, axis=1)
        longest = np.argsort(-lengths, kind="stable")[:IMAGES]
        longest = longest[lengths[longest] > 0]
        self._lengths = lengths[longest]
        self._histories = {name: tf.gather(values, longest) for name, values in batch.items()}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write an image of each history."""
        weights = self.model.attention(self._histories).numpy()
        with self._writer.as_default(epoch):
            for row, length in enumerate(self._lengths):
                image = heat_map(weights[row, :length, :length])
                tf.summary.image(f"attention/history_{row + 1}", image[np.newaxis], description=_TITLE)


def heat_map(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Draw a matrix from black over red and yellow to white, each row relative to its greatest value.

    Args:
        weights: float32 [n, n], at least 0.

    Returns:
        uint8 [side, side, 3], with a square of pixels for each weight.
    """
    greatest = weights.max(axis=1, keepdims=True)
    relative = np.divide(weights, greatest, out=np.zeros_like(weights), where=greatest > 0)
    colors = np.rint(255 * np.clip(3 * relative[..., np.newaxis] - np.arange(3), 0, 1)).astype(np.uint8)
    pixels = -(-_MIN_SIDE // len(weights))
    return colors.repeat(pixels, axis=0).repeat(pixels, axis=1)

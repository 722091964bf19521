"""Pictures of attention: which places of a history each place looks at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import ITEM_IDS, PADDING_ID
from trainer.training.callbacks.tensorboard import TrainingCallback

PICTURES = 4  # histories
_SIDE = 256  # pixels, at least
_TITLE = (
    "A row for each place of the history, the oldest at the top, a column for each place that it looks at."
    " White is where a row looks most, black where it does not look."
)


class HeatMaps(TrainingCallback):
    """The weights of the last attention block over a few histories, after each epoch.

    Args:
        writer: where to.
        batch: of validation; its longest histories are shown, where there is most to see.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, batch: Mapping[str, tf.Tensor]) -> None:
        super().__init__()
        self._writer = writer
        lengths = np.count_nonzero(batch[ITEM_IDS] != PADDING_ID, axis=1)
        longest = np.argsort(-lengths, kind="stable")[:PICTURES]
        longest = longest[lengths[longest] > 0]
        self._lengths = lengths[longest]
        self._histories = {name: tf.gather(values, longest) for name, values in batch.items()}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes a picture of each history."""
        weights = self.model.attention(self._histories).numpy()
        with self._writer.as_default(epoch):
            for row, length in enumerate(self._lengths):
                picture = heat_map(weights[row, :length, :length])
                tf.summary.image(f"attention/history_{row + 1}", picture[np.newaxis], description=_TITLE)


def heat_map(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """A picture of a matrix, each row in proportion to its greatest value: from black over red and yellow to white.

    Args:
        weights: [n, n], none below 0.

    Returns:
        [side, side, 3], with a square of pixels for each weight.
    """
    greatest = weights.max(axis=1, keepdims=True)
    shares = np.divide(weights, greatest, out=np.zeros_like(weights), where=greatest > 0)
    colors = np.rint(255 * np.clip(3 * shares[..., np.newaxis] - np.arange(3), 0, 1)).astype(np.uint8)
    pixels = -(-_SIDE // len(weights))
    return colors.repeat(pixels, axis=0).repeat(pixels, axis=1)

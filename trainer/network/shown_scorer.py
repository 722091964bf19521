"""The scores of shown items, learnt from impressions: the model's scores, and the click rate of the item."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.network.model import EncodedBatch, NextItemModel

FURTHER_FEATURES = ("without_training", "log_click_rate")  # after the model's scores
_FILE = "shown_items.npz"

Floats = npt.NDArray[np.float32]


class ShownItemWeights(NamedTuple):
    """All that training learns from impressions.

    Args:
        items: str [items], the items that were shown or are in the training split, each once.
        log_rates: float32 [items], the logarithm of the relative click rate; 0 for an item that was not shown.
        trained: bool [items], whether the training split has interactions with the item.
        weights: float32 [score_names + FURTHER_FEATURES].
    """

    items: npt.NDArray[np.object_]
    log_rates: Floats
    trained: npt.NDArray[np.bool_]
    weights: Floats


class ShownItemScorer:
    """A scorer of items that a user is shown.

    It also scores an item that the model does not know. The model's scores of an item without a training interaction
    count as 0, because such an item is in the vocabulary only if somebody clicked it later.

    Args:
        model: the trained model.
        fitted: what training learnt from impressions.
    """

    def __init__(self, model: NextItemModel, fitted: ShownItemWeights) -> None:
        self._model = model
        self._weights = tf.constant(fitted.weights)
        # The last value belongs to an unknown item.
        self._log_rates = tf.constant(np.append(fitted.log_rates, np.float32(0.0)))
        self._trained = tf.constant(np.append(fitted.trained, False))
        rows = tf.range(len(fitted.items), dtype=tf.int64)
        names = tf.constant([str(item) for item in fitted.items], tf.string)
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(names, rows), len(fitted.items))

    def features(self, history: EncodedBatch, candidate_ids: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Return what the score is a weighted sum of.

        Args:
            history: from `NextItemModel.encode`.
            candidate_ids: int64 [batch, c], 0 for an item outside of the vocabulary.
            items: string [batch, c], the same items.

        Returns:
            float32 [batch, c, score_names + FURTHER_FEATURES].
        """
        rows = self.table.lookup(items)
        known = (tf.gather(self._trained, rows) & (candidate_ids > 0))[..., tf.newaxis]
        scores = tf.where(known, self._model.scores(history, candidate_ids), 0.0)
        further = [tf.cast(~known, tf.float32), tf.gather(self._log_rates, rows)[..., tf.newaxis]]
        return tf.concat([scores, *further], axis=-1)

    def __call__(self, history: EncodedBatch, candidate_ids: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Return the scores of candidates, float32 [batch, c]; see `features`."""
        return tf.linalg.matvec(self.features(history, candidate_ids, items), self._weights)


def write_shown_weights(folder: str, fitted: ShownItemWeights) -> None:
    """Write what training learnt from impressions.

    Args:
        folder: an existing folder, on any file system that TensorFlow knows.
        fitted: the values.
    """
    content = io.BytesIO()
    np.savez(content, **{**fitted._asdict(), "items": np.array([str(item) for item in fitted.items])})
    with tf.io.gfile.GFile(f"{folder}/{_FILE}", "wb") as file:
        file.write(content.getvalue())


def read_shown_weights(folder: str) -> ShownItemWeights | None:
    """Read what `write_shown_weights` wrote; None if a training learnt nothing from impressions.

    Args:
        folder: the folder.
    """
    if not tf.io.gfile.exists(f"{folder}/{_FILE}"):
        return None
    with tf.io.gfile.GFile(f"{folder}/{_FILE}", "rb") as file:
        arrays = np.load(io.BytesIO(file.read()))
    fitted = ShownItemWeights(*(arrays[name] for name in ShownItemWeights._fields))
    return fitted._replace(items=fitted.items.astype(np.object_))

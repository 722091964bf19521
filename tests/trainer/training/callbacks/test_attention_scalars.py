"""Scalars of attention in TensorBoard's files."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schemas.features import ITEM_IDS
from tests.trainer.events import events, scalars
from trainer.training.callbacks.attention_scalars import ENTROPY, NEWEST, AttentionScalars


class Attending(tf.keras.Model):
    """A model whose attention is given, [batch, length, length], for histories that carry their row."""

    def __init__(self, weights: np.typing.NDArray[np.float32]) -> None:
        super().__init__()
        self._weights = tf.constant(weights)

    def attention(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return tf.gather(self._weights, inputs["row"])


def logged(folder: Path, item_ids: list[list[int]], weights: np.typing.NDArray[np.float32]) -> Path:
    batch = {ITEM_IDS: tf.constant(item_ids, tf.int64), "row": tf.range(len(item_ids))}
    callback = AttentionScalars(tf.summary.create_file_writer(str(folder)), batch)
    callback.set_model(Attending(weights))
    callback.on_epoch_end(3)
    return folder


def test_scalars_are_means_at_the_last_item_of_each_history(tmp_path: Path) -> None:
    weights = np.zeros((3, 4, 4), np.float32)
    weights[:, 1, 0] = 1.0  # the second position can only read the first
    weights[0, 3] = [0.5, 0.5, 0.0, 0.0]  # of three readable positions: log 2 / log 3
    weights[1, 2] = [0.0, 1.0, 0.0, 0.0]  # the last item of a history of three: 0
    weights[1, 3] = [0.3, 0.3, 0.4, 0.0]  # padding asks as well, but is not counted
    folder = logged(tmp_path, [[7, 8, 9, 5], [7, 8, 5, 0], [7, 8, 0, 0]], weights)
    assert scalars(folder, ENTROPY) == {3: pytest.approx(log(2) / log(3) / 2)}
    assert scalars(folder, NEWEST) == {3: pytest.approx((0.0 + 1.0) / 2)}


def test_histories_of_two_items_have_no_scalars(tmp_path: Path) -> None:
    folder = logged(tmp_path, [[7, 8], [7, 0]], np.ones((2, 2, 2), np.float32))
    assert events(folder).Tags()["tensors"] == []

"""How losses and validation metrics went with the epochs, from what the trainer wrote for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

Curve = list[tuple[int, float]]  # epochs, from 1, and values

_EPOCH = "epoch_"


class Curves(NamedTuple):
    """By name."""

    train: dict[str, Curve]
    validation: dict[str, Curve]


def read_curves(model_run: str) -> Curves:
    """Of a training.

    Args:
        model_run: the folder that the Trainer wrote for TensorBoard.
    """
    return Curves(*(_curves(f"{model_run}/{split}") for split in Curves._fields))


def _curves(folder: str) -> dict[str, Curve]:
    found: dict[str, dict[int, float]] = {}
    for event in _events(folder):
        for value in event.summary.value:
            if value.tag.startswith(_EPOCH):
                # An epoch that was trained again after an interruption counts as it went then.
                found.setdefault(value.tag.removeprefix(_EPOCH), {})[event.step + 1] = float(make_ndarray(value.tensor))
    return {name: sorted(values.items()) for name, values in found.items()}


def _events(folder: str) -> Iterator[Any]:
    for path in sorted(tf.io.gfile.glob(f"{folder}/events.*")):
        yield from EventFileLoader(path).Load()

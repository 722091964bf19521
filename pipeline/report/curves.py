"""Learning curves: losses and validation metrics by epoch, from the trainer's files for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

from schemas.file_patterns import escape_folder

Curve = list[tuple[int, float]]  # (epoch, value); epochs start at 1

_EPOCH = "epoch_"


class LearningCurves(NamedTuple):
    """The learning curves of a training, by name.

    Args:
        train: losses on the training split.
        validation: metrics on the validation split.
    """

    train: dict[str, Curve]
    validation: dict[str, Curve]


def read_curves(model_run: str) -> LearningCurves:
    """Read the learning curves of a training.

    Args:
        model_run: the Trainer's folder for TensorBoard.

    Returns:
        The curves of both splits; without files, no curves.
    """
    return LearningCurves(*(_read_split(f"{model_run}/{split}") for split in LearningCurves._fields))


def _read_split(folder: str) -> dict[str, Curve]:
    found: dict[str, dict[int, float]] = {}
    # An epoch that was trained again after an interruption has the value of the later event.
    for event in sorted(_events(folder), key=lambda event: event.wall_time):
        for value in event.summary.value:
            if value.tag.startswith(_EPOCH):
                found.setdefault(value.tag.removeprefix(_EPOCH), {})[event.step + 1] = float(make_ndarray(value.tensor))
    return {name: sorted(values.items()) for name, values in found.items()}


def _events(folder: str) -> Iterator[Any]:
    for path in sorted(tf.io.gfile.glob(escape_folder(f"{folder}/events.*"))):
        yield from EventFileLoader(path).Load()

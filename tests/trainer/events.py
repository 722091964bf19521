"""What is read back of TensorBoard's files, for the tests of this folder."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator


def events(folder: Path) -> EventAccumulator:
    """All that TensorBoard shows of a folder: this is how it reads by itself."""
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def series(folder: Path, tag: str) -> list[tuple[int, Any]]:
    """Steps with their values, in the order in which they were written."""
    return [(event.step, tf.make_ndarray(event.tensor_proto)) for event in events(folder).Tensors(tag)]


def scalars(folder: Path, tag: str) -> dict[int, float]:
    """Values by step; a step comes once."""
    found = series(folder, tag)
    assert len({step for step, _ in found}) == len(found)
    return {step: float(value) for step, value in found}

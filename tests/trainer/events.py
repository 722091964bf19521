"""Events that are read back from TensorBoard's files, for tests."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator


def events(folder: Path) -> EventAccumulator:
    """Read a folder as TensorBoard does."""
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def series(folder: Path, tag: str) -> list[tuple[int, Any]]:
    """Return steps with their values, in the order in which they were written."""
    return [(event.step, tf.make_ndarray(event.tensor_proto)) for event in events(folder).Tensors(tag)]


def scalars(folder: Path, tag: str) -> dict[int, float]:
    """Return values by step, and require that each step occurs once."""
    found = series(folder, tag)
    assert len({step for step, _ in found}) == len(found)
    return {step: float(value) for step, value in found}

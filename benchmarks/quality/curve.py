"""Validation recall by training time, read from the trainer's TensorBoard files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

METRIC = "epoch_recall@10"
_PARTS = ("train", "validation")


def read_curve(root: Path) -> list[tuple[float, float]]:
    """Return seconds of training and validation recall@10 of retrieval only, after each epoch.

    The time between an interruption and the resumption of a training does not count.

    Args:
        root: root of a run of the pipeline.

    Returns:
        Pairs of seconds and recall@10, in the order of the epochs.
    """
    curve: list[tuple[float, float]] = []
    before_s = 0.0
    for run in sorted((root / "artifacts" / "Trainer" / "model_run").iterdir(), key=lambda run: int(run.name)):
        # Each resumption of the training opens a file in both folders just before an epoch begins.
        for train, validation in zip(
            *(sorted((run / part).glob("events.*"), key=_begin_s) for part in _PARTS), strict=False
        ):
            found = [event for event in EventFileLoader(str(validation)).Load() if METRIC in _values(event)]
            curve += [(round(before_s + e.wall_time - _begin_s(train), 1), round(_values(e)[METRIC], 4)) for e in found]
            before_s = curve[-1][0] if curve else 0.0
    return curve


def _begin_s(path: Path) -> float:
    """Return the time of a file's first event; names do not sort by time, since the counter in them is not padded."""
    return float(next(iter(EventFileLoader(str(path)).Load())).wall_time)


def _values(event: Any) -> dict[str, float]:
    return {v.tag: float(make_ndarray(v.tensor)) for v in event.summary.value if v.tag == METRIC}

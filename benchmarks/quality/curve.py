"""How validation rose with time, from what the trainer wrote for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

METRIC = "epoch_recall@10"
_PARTS = ("train", "validation")


def read_curve(root: Path) -> list[tuple[float, float]]:
    """Seconds of training, and the recall@10 that retrieval alone had in validation by then, an epoch each.

    A training that was cut off and taken up again counts without the time between.

    Args:
        root: of a run of the pipeline.
    """
    curve: list[tuple[float, float]] = []
    before_s = 0.0
    for run in sorted((root / "artifacts" / "Trainer" / "model_run").iterdir(), key=lambda run: int(run.name)):
        # A file of each for every time that the training was taken up, opened just before an epoch begins.
        for train, validation in zip(*(sorted((run / part).glob("events.*")) for part in _PARTS), strict=False):
            found = [event for event in EventFileLoader(str(validation)).Load() if METRIC in _values(event)]
            begin_s = next(iter(EventFileLoader(str(train)).Load())).wall_time
            curve += [(round(before_s + e.wall_time - begin_s, 1), round(_values(e)[METRIC], 4)) for e in found]
            before_s = curve[-1][0] if curve else 0.0
    return curve


def _values(event: Any) -> dict[str, float]:
    return {v.tag: float(make_ndarray(v.tensor)) for v in event.summary.value if v.tag == METRIC}

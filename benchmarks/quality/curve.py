"""How validation rose with time, from what the trainer wrote for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

METRIC = "epoch_recall@10"


def read_curve(root: Path) -> list[tuple[float, float]]:
    """Seconds of training, and the recall@10 that retrieval alone had in validation by then, an epoch each.

    A training that was cut off and taken up again counts without the time between.

    Args:
        root: of a run of the pipeline.
    """
    curve: list[tuple[float, float]] = []
    before_s = 0.0
    for run in sorted((root / "artifacts" / "Trainer" / "model_run").iterdir(), key=lambda run: int(run.name)):
        found = [event for event in _events(run / "validation") if METRIC in _values(event)]
        if found:
            begin_s = min(event.wall_time for event in _events(run / "train"))  # opened as the first epoch begins
            curve += [(round(before_s + e.wall_time - begin_s, 1), round(_values(e)[METRIC], 4)) for e in found]
            before_s = curve[-1][0]
    return curve


def _events(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("events.*")):
        yield from EventFileLoader(str(path)).Load()


def _values(event: Any) -> dict[str, float]:
    return {v.tag: float(make_ndarray(v.tensor)) for v in event.summary.value if v.tag == METRIC}

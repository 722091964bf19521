"""Train one row on the pipeline's examples, and print the result as JSON."""

from __future__ import annotations

import json
import logging
import resource
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import typer

from benchmarks.ablation.ablation_grid import LOGS
from benchmarks.ablation.paired import ranks_file
from schemas.loading import load_config
from trainer.run_fn import read_fit_data
from trainer.training.fit import fit


def main(root: Path, log: str, row: str, seed: int, epochs: Annotated[int | None, typer.Argument()] = None) -> None:
    """Train a row, and log each epoch.

    Args:
        root: root of the run that made the examples.
        log: key of `LOGS`.
        row: key of the log's rows.
        seed: seed of the training.
        epochs: train this many epochs from the start. By default train the log's epochs, and resume an interrupted
            training.
    """
    progress = logging.getLogger("temporec.progress")
    progress.addHandler(logging.StreamHandler())
    progress.setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as fresh:
        found = _train(root, log, row, seed, epochs or LOGS[log].epochs, root if epochs is None else Path(fresh))
    print(json.dumps(found))


def _train(root: Path, log: str, row: str, seed: int, epochs: int, left: Path) -> dict[str, Any]:
    """Train a row on the pipeline's examples, with logs and checkpoints in `left`."""
    config, rows = LOGS[log].config, LOGS[log].rows
    seeded = [f"train.epochs={epochs}", f"train.patience={epochs}", f"train.seed={seed}"]
    overrides = [*seeded, *rows[row]]
    training = load_config(str(config), overrides).trainer_config
    transform = tft.TFTransformOutput(_newest(root / "artifacts" / "Transform" / "transform_graph"))
    examples = _newest(root / "artifacts" / "InteractionExampleGen" / "examples")
    counts = _newest(root / "artifacts" / "Baselines" / "counts")
    items = _newest(root / "artifacts" / "ItemTable" / "items") if training.reads_items else ""
    train_files, eval_files = ([f"{examples}/Split-{split}/*"] for split in ("train", "eval"))
    ends_s: list[float] = []
    result = fit(
        read_fit_data(train_files, eval_files, counts, items, training, transform),
        training,
        str(left / "logs" / f"{row}-{seed}"),
        str(left / "checkpoints" / f"{row}-{seed}"),
        callbacks=[tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends_s.append(time.monotonic()))],
    )
    ranks = ranks_file(left, row, seed)
    ranks.parent.mkdir(exist_ok=True)
    np.savez_compressed(ranks, retrieval=result.reranker.retrieval, ranking=result.reranker.ranking)
    return {
        **result.model_info.validation,
        "epochs_s": [round(b - a, 2) for a, b in pairwise(ends_s)],
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "parameters": result.model_info.parameters,
    }


def _newest(executions: Path) -> str:
    return str(max(executions.iterdir(), key=lambda folder: int(folder.name)))


if __name__ == "__main__":
    typer.run(main)

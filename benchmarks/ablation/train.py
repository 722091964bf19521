"""Trains one row on the examples that the pipeline made, and prints its result as JSON."""

from __future__ import annotations

import json
import logging
import resource
import time
from pathlib import Path
from typing import Any

import tensorflow_transform as tft
import typer

from benchmarks.ablation.rows import CONFIG, EPOCHS, ROWS
from schemas.features import VOCABULARY
from schemas.loading import load_config
from trainer.columns import read_columns
from trainer.popularity import read_popularity
from trainer.training import fit


def main(work: Path, row: str, seed: int) -> None:
    """Logs the epochs as they go."""
    progress = logging.getLogger("temporec.progress")
    progress.addHandler(logging.StreamHandler())
    progress.setLevel(logging.INFO)
    print(json.dumps(_train(work, row, seed)))


def _train(work: Path, name: str, seed: int) -> dict[str, Any]:
    """Trains a row on the pipeline's examples."""
    overrides = [f"train.epochs={EPOCHS}", f"train.patience={EPOCHS}", f"train.seed={seed}", *ROWS[name]]
    training = load_config(str(CONFIG), overrides).training
    transform = tft.TFTransformOutput(_newest(work / "artifacts" / "Transform" / "transform_graph"))
    vocabulary_file = transform.vocabulary_file_by_name(VOCABULARY)
    examples = _newest(work / "artifacts" / "Transform" / "transformed_examples")
    counts = _newest(work / "artifacts" / "Baselines" / "counts")
    train_files, eval_files = ([f"{examples}/Split-{split}/*"] for split in ("train", "eval"))
    begin_s = time.monotonic()
    model = fit(
        train_files,
        eval_files,
        transform.vocabulary_size_by_name(VOCABULARY),
        training.history,
        training.model,
        training.train,
        str(work / "logs" / f"{name}-{seed}"),
        str(work / "checkpoints" / f"{name}-{seed}"),
        columns=read_columns(transform.vocabulary_file_by_name, train_files, training.model, training.features),
        lately=read_popularity(counts, "recent_popularity", vocabulary_file),
    )
    return {
        **model.about.validation,
        "training_s": round(time.monotonic() - begin_s, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "parameters": model.about.parameters,
    }


def _newest(executions: Path) -> str:
    return str(max(executions.iterdir(), key=lambda folder: int(folder.name)))


if __name__ == "__main__":
    typer.run(main)

"""Trains the default model with one switch turned at a time, and records what that does to validation.

    .venv/bin/python -m benchmarks.ablation.run --work runs/ablation

makes MovieLens-100K's examples with the pipeline, then trains row after row; a
row that `results.jsonl` has already is not trained again.
"""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.ablation.rows import ROWS
from benchmarks.record import REPOSITORY, circumstances

HERE = Path(__file__).parent
CONFIG = HERE / "movielens-100k.yaml"
RESULTS = HERE / "results.jsonl"
EPOCHS = 16
SEEDS = (1, 2)


def main(
    work: Annotated[Path, typer.Option(help="a folder for what is made on the way")],
    row: Annotated[str | None, typer.Option(help="train this row in this process, and print its result")] = None,
    seed: Annotated[int, typer.Option(help="of that row")] = 1,
) -> None:
    """Trains all rows that are not recorded, or one."""
    if row is not None:
        print(json.dumps(_train(work, row, seed)))
        return
    if not (work / "run.json").exists():
        command = ["temporec", "run", "--config", str(CONFIG), "--root", str(work), "--set", "train.epochs=1"]
        subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], check=True, cwd=REPOSITORY)
    done = {(result["row"], result["seed"]) for result in map(json.loads, RESULTS.open())} if RESULTS.exists() else ()
    for seed, name in [(seed, name) for seed in SEEDS for name in ROWS]:
        if (name, seed) in done:
            continue
        command = [sys.executable, "-m", "benchmarks.ablation.run", "--work", str(work), "--row", name]
        found = subprocess.run(
            [*command, "--seed", str(seed)], check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        result = {"row": name, "seed": seed, **json.loads(found.stdout.splitlines()[-1]), **circumstances()}
        print(f"{name}, seed {seed}: {result['retrieval']} {result['ranking']}, {result['training_s']:.0f} s")
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


def _train(work: Path, name: str, seed: int) -> dict[str, Any]:
    """Trains a row on the pipeline's examples."""
    import tensorflow_transform as tft

    from schemas.loading import load_config
    from trainer.columns import read_columns
    from trainer.training import fit

    logging.getLogger("temporec.progress").addHandler(logging.StreamHandler())
    logging.getLogger("temporec.progress").setLevel(logging.INFO)
    overrides = [f"train.epochs={EPOCHS}", f"train.patience={EPOCHS}", f"train.seed={seed}", *ROWS[name]]
    training = load_config(CONFIG, overrides).training
    transform = tft.TFTransformOutput(_newest(work, "transform_graph"))
    examples = _newest(work, "transformed_examples")
    train_files, eval_files = ([f"{examples}/Split-{split}/*"] for split in ("train", "eval"))
    begin_s = time.monotonic()
    model = fit(
        train_files,
        eval_files,
        transform.vocabulary_size_by_name("items"),
        training.history,
        training.model,
        training.train,
        str(work / "logs" / f"{name}-{seed}"),
        str(work / "checkpoints" / f"{name}-{seed}"),
        columns=read_columns(transform.vocabulary_file_by_name, train_files, training.model, training.features),
    )
    return {
        **model.about["validation"],
        "training_s": round(time.monotonic() - begin_s, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "parameters": sum(int(weight.shape.num_elements()) for weight in model.trainable_variables),
    }


def _newest(work: Path, output: str) -> str:
    return str(max((work / "artifacts" / "Transform" / output).iterdir(), key=lambda folder: int(folder.name)))


if __name__ == "__main__":
    typer.run(main)

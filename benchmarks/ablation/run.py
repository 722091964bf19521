"""Trains the default model with one switch turned at a time, and records what that does to validation.

    .venv/bin/python -m benchmarks.ablation.run --work runs/ablation

makes MovieLens-100K's examples with the pipeline, then trains row after row; a
row that `results.jsonl` has already is not trained again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ablation.rows import CONFIG, ROWS
from benchmarks.record import REPOSITORY, circumstances

RESULTS = Path(__file__).parent / "results.jsonl"
SEEDS = (1, 2)


def main(work: Annotated[Path, typer.Option(help="a folder for what is made on the way")]) -> None:
    """Trains all rows that are not recorded."""
    if not (work / "run.json").exists():
        temporec = str(Path(sys.executable).with_name("temporec"))
        command = [temporec, "run", "--config", str(CONFIG), "--root", str(work.resolve()), "--set", "train.epochs=1"]
        subprocess.run(command, check=True, cwd=REPOSITORY)
    done = {(result["row"], result["seed"]) for result in map(json.loads, RESULTS.open())} if RESULTS.exists() else ()
    for seed, name in [(seed, name) for seed in SEEDS for name in ROWS]:
        if (name, seed) in done:
            continue
        command = [sys.executable, "-m", "benchmarks.ablation.train", str(work.resolve()), name, str(seed)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        result = {"row": name, "seed": seed, **json.loads(found.stdout.splitlines()[-1]), **circumstances()}
        print(f"{name}, seed {seed}: {result['retrieval']} {result['ranking']}, {result['training_s']:.0f} s")
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    typer.run(main)

"""Trains the default model with one switch turned at a time, and records what that does to validation.

    .venv/bin/python -m benchmarks.ablation.run --work runs/ablation

makes MovieLens-100K's examples with the pipeline, once for each length of
history, then trains row after row; a row that `results.jsonl` has already is
not trained again. What is recorded was trained two at once, each seed in a
folder of its own: `--work runs/ablation-1 --seed 1` beside the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ablation.rows import CONFIG, HISTORY, ROWS
from benchmarks.record import REPOSITORY, circumstances
from benchmarks.running import run_pipeline

RESULTS = Path(__file__).parent / "results.jsonl"
SEEDS = (1, 2)


def main(
    work: Annotated[Path, typer.Option(help="a folder for what is made on the way")],
    seed: Annotated[list[int] | None, typer.Option(help="which of the seeds; all, if none is named")] = None,
) -> None:
    """Trains all rows that are not recorded."""
    done = {(result["row"], result["seed"]) for result in map(json.loads, RESULTS.open())} if RESULTS.exists() else ()
    for row_seed, name in [(each, name) for each in seed or SEEDS for name in ROWS]:
        if (name, row_seed) in done:
            continue
        root = _with_examples(work.resolve(), [switch for switch in ROWS[name] if switch.startswith(HISTORY)])
        command = [sys.executable, "-m", "benchmarks.ablation.train", str(root), name, str(row_seed)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        result = {"row": name, "seed": row_seed, **json.loads(found.stdout.splitlines()[-1]), **circumstances()}
        print(f"{name}, seed {row_seed}: {result['retrieval']} {result['ranking']}, {result['training_s']:.0f} s")
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


def _with_examples(work: Path, history: list[str]) -> Path:
    """A root of the pipeline with examples of such histories."""
    root = work / "-".join(["examples", *history])
    if not (root / "run.json").exists():
        settings = [part for setting in ["train.epochs=1", *history] for part in ("--set", setting)]
        run_pipeline(["--config", str(CONFIG), *settings], root)
    return root


if __name__ == "__main__":
    typer.run(main)

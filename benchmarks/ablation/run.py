"""Train the default model with one switch changed at a time, and record the validation metrics.

    .venv/bin/python -m benchmarks.ablation.run --work runs/ablation --toys toys.csv.gz \
        --online-retail invoices.csv.gz --movielens-1m interactions.csv.gz

The pipeline makes a log's examples once for each length of history. Then each row
is trained, unless `results.jsonl` has it already. MovieLens-100K must have been
fetched (`temporec data fetch`). Another log is left out if its path is not given.
The recorded rows were trained two at a time, each seed in a folder of its own:
`--work runs/ablation-1 --seed 1` and `--work runs/ablation-2 --seed 2`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.ablation.ablation_grid import HISTORY, LOGS, examples_folder
from benchmarks.provenance import REPOSITORY, circumstances
from benchmarks.run_pipeline import run_pipeline

RESULTS = Path(__file__).parent / "results.jsonl"
SEEDS = (1, 2)


def main(
    work: Annotated[Path, typer.Option(help="folder for intermediate files")],
    names: Annotated[list[str] | None, typer.Argument(help="rows to train (default: all)")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="seeds of the trainings (default: 1 and 2)")] = None,
    toys: Annotated[Path | None, typer.Option(help="file of Amazon Toys, user_id,item_id,timestamp")] = None,
    online_retail: Annotated[Path | None, typer.Option(help="file of UCI's invoices")] = None,
    movielens_1m: Annotated[Path | None, typer.Option(help="file with the columns user_id,item_id,timestamp")] = None,
) -> None:
    """Train and record all rows that are not recorded yet."""
    recorded = map(json.loads, RESULTS.read_text().splitlines()) if RESULTS.exists() else ()
    done = {(result["log"], result["row"], result["seed"]) for result in recorded}
    paths = {"toys": toys, "online_retail": online_retail, "movielens_1m": movielens_1m}
    given = {log: paths[found.option] if found.option else None for log, found in LOGS.items()}
    logs = [log for log, path in given.items() if path or not LOGS[log].option]
    rows = [(log, row) for log in logs for row in LOGS[log].rows if row in (names or LOGS[log].rows)]
    for row_seed, (log, name) in product(seed or SEEDS, rows):
        if (log, name, row_seed) in done:
            continue
        result = train(work.resolve(), log, name, row_seed, given[log])
        print(f"{log}, {name}, seed {row_seed}: {result['retrieval']} {result['ranking']}")
        with RESULTS.open("a") as file:
            file.write(json.dumps(result | circumstances()) + "\n")


def train(
    work: Path, log: str, row: str, seed: int, path: Path | None = None, epochs: int | None = None
) -> dict[str, Any]:
    """Train a row in a process of its own.

    Args:
        work: folder for intermediate files.
        log: key of `LOGS`.
        row: key of the log's rows.
        seed: seed of the training.
        path: the log's file, unless its configuration names it.
        epochs: number of epochs, instead of the log's.

    Returns:
        `log`, `row`, `seed`, and the values that `benchmarks.ablation.train` prints.
    """
    root = _with_examples(work, log, LOGS[log].rows[row], path)
    command = [sys.executable, "-m", "benchmarks.ablation.train", str(root), log, row, str(seed)]
    command += [] if epochs is None else [str(epochs)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    return {"log": log, "row": row, "seed": seed, **json.loads(found.stdout.splitlines()[-1])}


def _with_examples(work: Path, log: str, switches: Sequence[str], path: Path | None) -> Path:
    """Return the root of a run whose examples have the history settings among the switches."""
    root = examples_folder(work, log, switches)
    history = [switch for switch in switches if switch.startswith(HISTORY)]
    if not (root / "run.json").exists():
        settings = ["train.epochs=1", *history, *([f"data.path={path.resolve()}"] if path else [])]
        overrides = [part for setting in settings for part in ("--set", setting)]
        run_pipeline(["--config", str(LOGS[log].config), *overrides], root)
    return root


if __name__ == "__main__":
    typer.run(main)

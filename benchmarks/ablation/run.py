"""Trains the default model with one switch turned at a time, and records what that does to validation.

    .venv/bin/python -m benchmarks.ablation.run --work runs/ablation --online-retail invoices.csv.gz

makes a log's examples with the pipeline, once for each length of history, then
trains row after row; a row that `results.jsonl` has already is not trained
again. MovieLens-100K must have been fetched (`temporec data fetch`); Online
Retail is left out where its path is not given. What is recorded was trained two
at once, each seed in a folder of its own: `--work runs/ablation-1 --seed 1`
beside the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.ablation.ablation_grid import HISTORY, LOGS
from benchmarks.provenance import REPOSITORY, circumstances
from benchmarks.run_pipeline import run_pipeline

RESULTS = Path(__file__).parent / "results.jsonl"
SEEDS = (1, 2)


def main(
    work: Annotated[Path, typer.Option(help="a folder for what is made on the way")],
    names: Annotated[list[str] | None, typer.Argument(help="which of the rows; all, if none is named")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="of the trainings; 1 and 2, if none is named")] = None,
    online_retail: Annotated[Path | None, typer.Option(help="UCI's invoices")] = None,
) -> None:
    """Trains all rows that are not recorded."""
    recorded = map(json.loads, RESULTS.read_text().splitlines()) if RESULTS.exists() else ()
    done = {(result["log"], result["row"], result["seed"]) for result in recorded}
    paths = {"Online Retail": online_retail}
    given = [log for log in LOGS if log not in paths or paths[log] is not None]
    rows = [(log, row) for log in given for row in LOGS[log].rows if row in (names or LOGS[log].rows)]
    for row_seed, (log, name) in product(seed or SEEDS, rows):
        if (log, name, row_seed) in done:
            continue
        result = train(work.resolve(), log, name, row_seed, paths.get(log))
        print(f"{log}, {name}, seed {row_seed}: {result['retrieval']} {result['ranking']}")
        with RESULTS.open("a") as file:
            file.write(json.dumps(result | circumstances()) + "\n")


def train(
    work: Path, log: str, row: str, seed: int, path: Path | None = None, epochs: int | None = None
) -> dict[str, Any]:
    """Trains a row in a process of its own.

    Args:
        work: a folder for what is made on the way.
        log: which of `LOGS`.
        row: which of its rows.
        seed: of the training.
        path: the log's, where it has to be given.
        epochs: instead of the log's.

    Returns:
        `log`, `row`, `seed`, and what `benchmarks.ablation.train` prints.
    """
    history = [switch for switch in LOGS[log].rows[row] if switch.startswith(HISTORY)]
    root = _with_examples(work, log, history, path)
    command = [sys.executable, "-m", "benchmarks.ablation.train", str(root), log, row, str(seed)]
    command += [] if epochs is None else [str(epochs)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    return {"log": log, "row": row, "seed": seed, **json.loads(found.stdout.splitlines()[-1])}


def _with_examples(work: Path, log: str, history: list[str], path: Path | None) -> Path:
    """A root of the pipeline with examples of such histories; the path is the log's, where it has to be given."""
    root = work / "-".join(["examples", log.replace(" ", "-"), *history])
    if not (root / "run.json").exists():
        settings = ["train.epochs=1", *history, *([f"data.path={path.resolve()}"] if path else [])]
        overrides = [part for setting in settings for part in ("--set", setting)]
        run_pipeline(["--config", str(LOGS[log].config), *overrides], root)
    return root


if __name__ == "__main__":
    typer.run(main)

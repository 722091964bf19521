"""Times training: beside RecBole, part by part, and as the catalogue and the log grow.

    .venv/bin/python -m benchmarks.speed.run --work runs/speed --recbole-env DIR

DIR is an environment of benchmarks/quality/recbole/make_env.py. MovieLens-100K
must have been fetched (`temporec data fetch`). Nothing else should be running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.quality.curve import read_curve
from benchmarks.record import REPOSITORY, circumstances
from benchmarks.running import run_pipeline

RESULTS = Path(__file__).with_name("results.jsonl")
LOG = REPOSITORY / "data" / "movielens-100k" / "ml-100k.inter"
LENGTH, EPOCHS = 50, 4
CATALOGUES = (10_000, 100_000, 1_000_000)
LENGTHS = (50, 100, 200)


def main(
    work: Annotated[Path, typer.Option(help="a folder for what is made on the way")],
    recbole_env: Annotated[Path, typer.Option(help="of make_env.py")],
) -> None:
    """Measures, prints and records."""
    work = work.resolve()
    sampled = {"batch_size": 32, "loss": {"kind": "sampled"}}
    # Counts are made once and do not belong to a step.
    uncounted = {"ranking": {"counts": False}}
    found: dict[str, Any] = {
        "temporec": _temporec(work / "temporec"),
        "parts_ms": _steps(1_682, LENGTH, {}, {}, "--parts"),
        "catalogue": {items: _steps(items, LENGTH, uncounted, sampled) for items in CATALOGUES},
        "length": {length: _steps(10_000, length, uncounted, sampled) for length in LENGTHS},
        "recbole": _recbole(recbole_env.resolve(), work / "recbole"),
    }
    found["ratio"] = round(found["temporec"]["targets_per_s"] / found["recbole"]["targets_per_s"], 1)
    found |= circumstances()
    RESULTS.write_text(json.dumps(found) + "\n")
    print(json.dumps(found, indent=1))


def _steps(items: int, length: int, model: dict[str, Any], train: dict[str, Any], *options: str) -> dict[str, Any]:
    arguments = [str(items), str(length), json.dumps(model), json.dumps(train), *options]
    command = [sys.executable, "-m", "benchmarks.speed.steps", *arguments]
    return _last_line(subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True))


def _temporec(root: Path) -> dict[str, Any]:
    """Targets a second over whole epochs, validation's time included, of GRU and attention."""
    run_pipeline(["--config", "pipeline/configs/quickstart.yaml", "--set", f"train.epochs={EPOCHS}"], root)
    data = json.loads((root / "run.json").read_text())["data"]
    targets = data["rows_accepted"] - 3 * data["users"]  # without each user's first, and the two that are held out
    ends_s = [seconds for seconds, _ in read_curve(root)]
    return {"targets_per_s": round(targets / median(b - a for a, b in pairwise(ends_s)))}


def _recbole(env: Path, out: Path) -> dict[str, Any]:
    """Targets a second of GRU4Rec, validation's time left out."""
    columns = ["--user", "user_id:token", "--item", "item_id:token", "--timestamp", "timestamp:float"]
    cores = str(os.cpu_count())
    settings = ["--model", "GRU4Rec", "--seed", "1", "--max-length", str(LENGTH), "--epochs", "2", "--threads", cores]
    script = str(REPOSITORY / "benchmarks" / "quality" / "recbole" / "train.py")
    command = [str(env / "bin" / "python"), script, "--log", str(LOG), "--delimiter", "\t", *columns, *settings]
    subprocess.run([*command, "--out", str(out)], check=True, env={**os.environ, "OMP_NUM_THREADS": cores})
    result = json.loads((out / "result.json").read_text())
    return {"targets_per_s": round(result["train_targets_per_s"])}


def _last_line(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(ran.stdout.splitlines()[-1]))


if __name__ == "__main__":
    typer.run(main)

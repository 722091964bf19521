"""Time training: compared with RecBole, part by part, and for growing catalogues and histories.

    .venv/bin/python -m benchmarks.speed.run --work runs/speed --recbole-env DIR

DIR is an environment of benchmarks/quality/recbole/make_env.py. MovieLens-100K
must have been fetched (`temporec data fetch`). Nothing else should be running.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.provenance import REPOSITORY, circumstances
from benchmarks.quality.curve import read_curve
from benchmarks.quality.train_recbole import train
from benchmarks.run_pipeline import run_pipeline

RESULTS = Path(__file__).with_name("results.jsonl")
LENGTH, EPOCHS = 50, 4
# The same network on both sides: a GRU as wide as the embeddings, and about as many targets per step.
ALIKE = {"model.attention.blocks": 0, "model.reranker": {"cooccurrence": False}, "train.batch_size": 82}
RECBOLE_ALIKE = {"hidden_size": 64, "num_layers": 1}
CATALOGUES = (10_000, 100_000, 1_000_000)
LENGTHS = (50, 100, 200)


def main(
    work: Annotated[Path, typer.Option(help="folder for intermediate files")],
    recbole_env: Annotated[Path, typer.Option(help="environment of make_env.py")],
) -> None:
    """Measure, print and record."""
    work = work.resolve()
    sampled = {"batch_size": 32, "loss": {"kind": "sampled"}}
    # Co-occurrence is counted once per training and is not part of a step.
    uncounted = {"reranker": {"cooccurrence": False}}
    found: dict[str, Any] = {
        "temporec": _temporec(work / "temporec", {}),
        "temporec_alike": _temporec(work / "temporec-alike", ALIKE),
        "recbole": _recbole(recbole_env.resolve(), work / "recbole", {}),
        "recbole_alike": _recbole(recbole_env.resolve(), work / "recbole-alike", RECBOLE_ALIKE),
        "parts_ms": _steps(1_682, LENGTH, {}, {}, "--parts"),
        "catalogue": {items: _steps(items, LENGTH, uncounted, sampled) for items in CATALOGUES},
        "length": {length: _steps(10_000, length, uncounted, sampled) for length in LENGTHS},
        **circumstances(),
    }
    RESULTS.write_text(json.dumps(found) + "\n")
    print(json.dumps(found, indent=1))


def _steps(items: int, length: int, model: dict[str, Any], train: dict[str, Any], *options: str) -> dict[str, Any]:
    arguments = [str(items), str(length), json.dumps(model), json.dumps(train), *options]
    command = [sys.executable, "-m", "benchmarks.speed.steps", *arguments]
    return _last_line(subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True))


def _temporec(root: Path, settings: dict[str, Any]) -> int:
    """Return targets per second over whole epochs, validation included."""
    changed = [f"{name}={json.dumps(value)}" for name, value in {"train.epochs": EPOCHS, **settings}.items()]
    run_pipeline(["--config", "pipeline/configs/quickstart.yaml", *(x for c in changed for x in ("--set", c))], root)
    data = json.loads((root / "run.json").read_text())["data"]
    targets = (
        data["rows_accepted"] - 3 * data["users"]
    )  # without each user's first interaction and the two held-out ones
    ends_s = [seconds for seconds, _ in read_curve(root)]
    return round(targets / median(b - a for a, b in pairwise(ends_s)))


def _recbole(env: Path, out: Path, settings: dict[str, Any]) -> int:
    """Return GRU4Rec's targets per second, validation excluded."""
    return round(train(env, "GRU4Rec", 1, "cpu", out, epochs=2, settings=settings)["train_targets_per_s"])


def _last_line(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(ran.stdout.splitlines()[-1]))


if __name__ == "__main__":
    typer.run(main)

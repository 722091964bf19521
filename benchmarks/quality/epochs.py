"""Time epochs of RecBole's models on this machine's cores.

    .venv/bin/python -m benchmarks.quality.epochs --work runs/quality --recbole-env DIR

A whole training takes hours on two cores. `benchmarks.quality.train_recbole --device
cuda` gives the number of epochs that it needs, so timing a few epochs is enough.
Nothing else may be running.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.provenance import circumstances
from benchmarks.quality.train_recbole import MODELS, train

RESULTS = Path(__file__).with_name("recbole") / "epochs.jsonl"


def main(
    work: Annotated[Path, typer.Option(help="folder for intermediate files")],
    recbole_env: Annotated[Path, typer.Option(help="environment of make_env.py")],
    epochs: Annotated[int, typer.Option(min=1, help="number of epochs to time")] = 2,
) -> None:
    """Time and record all models that are not recorded yet."""
    recorded = map(json.loads, RESULTS.read_text().splitlines()) if RESULTS.exists() else ()
    done = {result["model"] for result in recorded}
    for model in (name for name in MODELS if name not in done):
        out = work.resolve() / "recbole" / f"{model}-{epochs}-epochs"
        run = train(recbole_env.resolve(), model, 1, "cpu", out, epochs)
        seconds = [round(each["train_s"], 1) for each in run["history"]]
        found = {key: run[key] for key in ("model", "train_targets", "peak_rss_mb", "settings", "stack")}
        with RESULTS.open("a") as file:
            file.write(json.dumps({**found, "epochs_s": seconds, **circumstances()}) + "\n")


if __name__ == "__main__":
    typer.run(main)

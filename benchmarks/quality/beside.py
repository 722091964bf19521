"""Trains RecBole's models on MovieLens-100K and measures their lists as temporec's are.

    .venv/bin/python -m benchmarks.quality.beside --work runs/quality --recbole-env DIR

DIR is an environment of recbole/make_env.py. The folder is the one of
benchmarks.quality.run, which must have run MovieLens-100K before: the targets
of its test split must be RecBole's. A model that `results.jsonl` has already is
not trained again, and a training that was cut off goes on after its last epoch.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.record import REPOSITORY, circumstances
from components.example_batches import read_examples
from components.queries import read_queries
from schemas.features import TEST
from trainer.metrics import summary

RECBOLE = Path(__file__).with_name("recbole")
RESULTS = RECBOLE / "results.jsonl"
LOG = REPOSITORY / "data" / "movielens-100k" / "ml-100k.inter"
COLUMNS = ("--delimiter", "\t", "--user", "user_id:token", "--item", "item_id:token", "--timestamp", "timestamp:float")
MODELS = ("GRU4Rec", "NARM", "SASRec")
SEED = 1


def main(
    work: Annotated[Path, typer.Option(help="the folder of benchmarks.quality.run")],
    recbole_env: Annotated[Path, typer.Option(help="of make_env.py")],
    names: Annotated[list[str] | None, typer.Argument(help="which of the models; all, if none is named")] = None,
) -> None:
    """Trains and records what is not recorded."""
    expected = _test_targets(work / f"MovieLens-100K-{SEED}")
    done = {json.loads(line)["model"] for line in RESULTS.read_text().splitlines()} if RESULTS.exists() else set()
    for name in [name for name in names or MODELS if name not in done]:
        out = work.resolve() / "recbole" / f"{name}-{SEED}"
        _train(recbole_env.resolve(), name, out)
        lists = np.load(out / "ranked.npz")
        if dict(zip(lists["users"].tolist(), lists["targets"].tolist(), strict=True)) != expected:
            raise ValueError(f"the targets of {out} are not those of temporec's test split")
        run = json.loads((out / "result.json").read_text())
        result = {
            "model": name,
            "seed": SEED,
            "test": summary(lists["ranked"], lists["targets"], run["items"]),
            "curve": [(round(each["cumulative_train_s"], 1), each["recall@10"]) for each in run["history"]],
            **{key: run[key] for key in ("best_epoch", "epochs", "parameters", "peak_rss_mb", "settings", "stack")},
            **circumstances(),
        }
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


def _test_targets(root: Path) -> dict[str, str]:
    """The target of each user of a run's test split."""
    (folder,) = (root / "artifacts" / "InteractionExampleGen" / "examples").glob(f"*/Split-{TEST}")
    queries = read_queries(list(read_examples(str(folder))))
    return {user: target for user, (target,) in zip(queries.users, queries.targets, strict=True)}


def _train(env: Path, model: str, out: Path) -> None:
    cores = str(os.cpu_count())
    command: list[Any] = [env / "bin" / "python", RECBOLE / "train.py", "--log", LOG, *COLUMNS]
    command += ["--model", model, "--seed", str(SEED), "--threads", cores, "--out", out]
    # Without this, glibc gives the memory of every large array back to the system, which takes RecBole a third longer.
    allocation = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}
    subprocess.run(command, check=True, env={**os.environ, **allocation, "OMP_NUM_THREADS": cores})


if __name__ == "__main__":
    typer.run(main)

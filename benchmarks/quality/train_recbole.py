"""Train RecBole's models on MovieLens-100K, and measure their lists with temporec's metrics.

    .venv/bin/python -m benchmarks.quality.train_recbole --work runs/quality --recbole-env DIR

DIR is an environment of recbole/make_env.py. The work folder is that of
benchmarks.quality.run, which must have run MovieLens-100K before, because the
test targets of both systems are compared. A model that `results.jsonl` has already
is not trained again. An interrupted training resumes after its last epoch. With
`--device cuda`, the environment's PyTorch must support the GPU;
benchmarks.quality.epochs then measures the time per epoch on this machine's cores.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from benchmarks.provenance import REPOSITORY, circumstances
from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from schemas.config.evaluation import K
from schemas.features import TEST
from trainer.metrics import ACCURACY
from trainer.metrics.lists import Catalogue, Lists

RECBOLE = Path(__file__).with_name("recbole")
RESULTS = RECBOLE / "results.jsonl"
LOG = REPOSITORY / "data" / "movielens-100k" / "ml-100k.inter"
COLUMNS = ("--delimiter", "\t", "--user", "user_id:token", "--item", "item_id:token", "--timestamp", "timestamp:float")
MODELS = ("GRU4Rec", "NARM", "SASRec")
OURS = "MovieLens-100K-1"


def main(
    work: Annotated[Path, typer.Option(help="folder of benchmarks.quality.run")],
    recbole_env: Annotated[Path, typer.Option(help="environment of make_env.py")],
    seed: Annotated[list[int] | None, typer.Option(help="seeds of RecBole's trainings (default: 1)")] = None,
    device: Annotated[str, typer.Option(help="device for RecBole: cpu or cuda")] = "cpu",
    names: Annotated[list[str] | None, typer.Argument(help="models to train (default: all)")] = None,
) -> None:
    """Train and record all models that are not recorded yet."""
    expected = _test_targets(work / OURS)
    recorded = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    done = {(result["model"], result["seed"], result["device"]) for result in recorded}
    for training in [(name, each, device) for name in names or MODELS for each in seed or (1,)]:
        if training in done:
            continue
        out = work.resolve() / "recbole" / "-".join(map(str, training))
        run = train(recbole_env.resolve(), *training, out)
        lists = np.load(out / "ranked.npz")
        if dict(zip(lists["users"].tolist(), lists["targets"].tolist(), strict=True)) != expected:
            raise ValueError(
                f"expected: RecBole's test targets equal to temporec's\nreceived: other targets in {out}\n"
                "remedy:   train both on the same log"
            )
        result = {
            **{key: run[key] for key in ("model", "seed", "device", "gpu")},
            "test": measured(lists["ranked"], lists["targets"], run["items"]),
            "curve": [(round(each["cumulative_train_s"], 1), each["recall@10"]) for each in run["history"]],
            **{key: run[key] for key in ("best_epoch", "epochs", "parameters", "peak_rss_mb", "settings", "stack")},
            **circumstances(),
        }
        if device == "cuda":  # the GPU may be another machine's
            del result["machine"]
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


def _test_targets(root: Path) -> dict[str, str]:
    """Return the target of each user in a run's test split."""
    (folder,) = (root / "artifacts" / "InteractionExampleGen" / "examples").glob(f"*/Split-{TEST}")
    queries = read_queries(list(read_examples(str(folder))))
    return {user: target for user, (target,) in zip(queries.users, queries.targets, strict=True)}


def measured(ranked: npt.NDArray[Any], targets: npt.NDArray[Any], items: int) -> dict[str, float]:
    """Return the accuracy and the coverage of lists with one target each.

    Args:
        ranked: item ids, best first. [lists, depth]
        targets: the target of each list. [lists]
        items: number of items in the catalogue.

    Returns:
        Means by metric, for example `recall@10`.
    """
    nothing = np.zeros(0, np.int64)
    catalogue = Catalogue(
        np.array([], dtype=object), nothing, nothing, 0
    )  # accuracy does not depend on the items' counts
    lists = Lists(np.asarray(ranked, dtype=object), [(target,) for target in targets], [()] * len(targets), catalogue)
    means = {f"{name}@{K}": float(np.mean(metric(K)(lists))) for name, metric in ACCURACY.items()}
    recommended = set(lists.ranked[:, :K][lists.filled[:, :K]])
    return {**means, f"coverage@{K}": len(recommended) / items}


def train(
    env: Path,
    model: str,
    seed: int,
    device: str,
    out: Path,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train a model in RecBole's environment, with all cores.

    Args:
        env: environment of make_env.py.
        model: RecBole's name of the model.
        seed: seed of the training.
        device: cpu or cuda.
        out: folder for the results.
        epochs: maximum number of epochs. By default only early stopping ends the training.
        settings: settings that replace those of recbole/settings.py.

    Returns:
        The training's `result.json`.
    """
    cores = str(os.cpu_count())
    command: list[Any] = [env / "bin" / "python", RECBOLE / "train.py", "--log", LOG, *COLUMNS, "--model", model]
    command += ["--seed", str(seed), "--device", device, "--threads", cores, "--out", out]
    command += ["--epochs", str(epochs)] if epochs else []
    command += ["--settings", json.dumps(settings)] if settings else []
    # By default glibc returns the memory of each large array to the system. That makes RecBole a third slower.
    allocation = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}
    subprocess.run(command, check=True, env={**os.environ, **allocation, "OMP_NUM_THREADS": cores})
    return dict(json.loads((out / "result.json").read_text()))


if __name__ == "__main__":
    typer.run(main)

"""Trains RecBole's models on MovieLens-100K and measures their lists as temporec's are.

    .venv/bin/python -m benchmarks.quality.train_recbole --work runs/quality --recbole-env DIR

DIR is an environment of recbole/make_env.py. The folder is the one of
benchmarks.quality.run, which must have run MovieLens-100K before: the targets
of its test split must be RecBole's. A model that `results.jsonl` has already is
not trained again, and a training that was cut off goes on after its last epoch.
With `--device cuda`, DIR is one whose PyTorch knows the GPU; what its epochs
take on this machine's cores, benchmarks.quality.epochs measures.
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
from trainer.metrics.lists import Catalogue, Lists
from trainer.metrics.metrics import ACCURACY

RECBOLE = Path(__file__).with_name("recbole")
RESULTS = RECBOLE / "results.jsonl"
LOG = REPOSITORY / "data" / "movielens-100k" / "ml-100k.inter"
COLUMNS = ("--delimiter", "\t", "--user", "user_id:token", "--item", "item_id:token", "--timestamp", "timestamp:float")
MODELS = ("GRU4Rec", "NARM", "SASRec")
OURS = "MovieLens-100K-1"


def main(
    work: Annotated[Path, typer.Option(help="the folder of benchmarks.quality.run")],
    recbole_env: Annotated[Path, typer.Option(help="of make_env.py")],
    seed: Annotated[list[int] | None, typer.Option(help="of RecBole's trainings; 1, if none is named")] = None,
    device: Annotated[str, typer.Option(help="what RecBole trains on: cpu or cuda")] = "cpu",
    names: Annotated[list[str] | None, typer.Argument(help="which of the models; all, if none is named")] = None,
) -> None:
    """Trains and records what is not recorded."""
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
            raise ValueError(f"the targets of {out} are not those of temporec's test split")
        result = {
            **{key: run[key] for key in ("model", "seed", "device", "gpu")},
            "test": measured(lists["ranked"], lists["targets"], run["items"]),
            "curve": [(round(each["cumulative_train_s"], 1), each["recall@10"]) for each in run["history"]],
            **{key: run[key] for key in ("best_epoch", "epochs", "parameters", "peak_rss_mb", "settings", "stack")},
            **circumstances(),
        }
        if device == "cuda":  # another machine may have trained
            del result["machine"]
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


def _test_targets(root: Path) -> dict[str, str]:
    """The target of each user of a run's test split."""
    (folder,) = (root / "artifacts" / "InteractionExampleGen" / "examples").glob(f"*/Split-{TEST}")
    queries = read_queries(list(read_examples(str(folder))))
    return {user: target for user, (target,) in zip(queries.users, queries.targets, strict=True)}


def measured(ranked: npt.NDArray[Any], targets: npt.NDArray[Any], items: int) -> dict[str, float]:
    """The accuracy of lists with one target each, and their coverage, as `recall@10` and so on.

    Args:
        ranked: [lists, depth], best first.
        targets: [lists]
        items: that could be recommended.
    """
    nothing = np.zeros(0, np.int64)
    catalogue = Catalogue(np.array([], dtype=object), nothing, nothing, 0)  # accuracy asks nothing of the items
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
    """Trains in RecBole's environment, with all cores.

    Args:
        env: of make_env.py.
        model: RecBole's name of it.
        seed: of the training.
        device: cpu or cuda.
        out: where it writes its results.
        epochs: at most; until it stops by itself, if none are named.
        settings: that go over those of recbole/settings.py.

    Returns:
        Its `result.json`.
    """
    cores = str(os.cpu_count())
    command: list[Any] = [env / "bin" / "python", RECBOLE / "train.py", "--log", LOG, *COLUMNS, "--model", model]
    command += ["--seed", str(seed), "--device", device, "--threads", cores, "--out", out]
    command += ["--epochs", str(epochs)] if epochs else []
    command += ["--settings", json.dumps(settings)] if settings else []
    # Without this, glibc gives the memory of every large array back to the system, which takes RecBole a third longer.
    allocation = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}
    subprocess.run(command, check=True, env={**os.environ, **allocation, "OMP_NUM_THREADS": cores})
    return dict(json.loads((out / "result.json").read_text()))


if __name__ == "__main__":
    typer.run(main)

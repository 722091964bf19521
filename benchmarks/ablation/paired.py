"""Compare rows of the ablation on the same validation targets, and record the differences with their intervals.

    .venv/bin/python -m benchmarks.ablation.paired --work runs/ablation

It reads the ranks that `benchmarks.ablation.run` has left in its folder, of all seeds that both rows have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.ablation.ablation_grid import LOGS, PAIRS, examples_folder
from benchmarks.provenance import circumstances
from components.evaluator.statistics import difference
from schemas.config.evaluation import K
from trainer.metrics import recall_and_ndcg

RESULTS = Path(__file__).with_name("paired.jsonl")
STAGES = ("retrieval", "ranking")


def main(work: Annotated[list[Path], typer.Option(help="folder of benchmarks.ablation.run; repeatable")]) -> None:
    """Compare all pairs that have been trained, and record them."""
    found = [compared for log in LOGS for pair in PAIRS if (compared := compare(work, log, *pair))]
    for each in found:
        print(json.dumps(each))
    RESULTS.write_text("".join(json.dumps(each | circumstances()) + "\n" for each in found))


def ranks_file(root: Path, row: str, seed: int) -> Path:
    """Return the file of the targets' ranks: by stage, int64 [targets].

    Args:
        root: the root of the run that made the examples.
        row: key of the log's rows.
        seed: seed of the training.
    """
    return root / "ranks" / f"{row}-{seed}.npz"


def compare(works: list[Path], log: str, row: str, other: str) -> dict[str, Any] | None:
    """Return the mean difference of NDCG@10 between two rows, and its 95% interval over the targets.

    Args:
        works: folders of `benchmarks.ablation.run`.
        log: key of `LOGS`.
        row: key of the log's rows.
        other: the row that is subtracted.

    Returns:
        By stage, `mean`, `low` and `high`, each a mean over the seeds of both rows. None without such a seed.
    """
    roots = [examples_folder(work, log, LOGS[log].rows.get(row, ())) for work in works]
    files = [[ranks_file(root, name, seed) for name in (row, other)] for root in roots for seed in range(1, 10)]
    pairs = [[np.load(file) for file in pair] for pair in files if all(file.exists() for file in pair)]
    if not pairs:
        return None
    found: dict[str, Any] = {"log": log, "row": row, "other": other, "seeds": len(pairs)}
    for stage in STAGES:
        first, second = (
            np.mean([recall_and_ndcg(pair[side][stage], K)[1] for pair in pairs], axis=0) for side in (0, 1)
        )
        found[stage] = difference(first, second, np.arange(len(first))).interval()._asdict()
    return found


if __name__ == "__main__":
    typer.run(main)

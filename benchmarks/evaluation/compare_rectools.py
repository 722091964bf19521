"""Measure the recommended lists of an evaluation, and write them for RecTools to measure.

.venv/bin/python -m benchmarks.evaluation.compare_rectools CONFIG EXAMPLES COUNTS EVALUATION FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.baselines.tables import read_tables
from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import QUERIES, read_results
from schemas.config import Config
from schemas.features import TRAIN
from trainer.metrics import METRICS
from trainer.metrics.lists import Catalogue, Lists

SHARED = (
    "recall",
    "precision",
    "hit_rate",
    "ndcg",
    "mrr",
    "map",
    "novelty",
    "serendipity",
)  # metrics that RecTools has, too


def main(config_file: str, examples: str, counts: str, evaluation: str, folder: Path) -> None:
    """Measure the lists, write them, and print the means and the seconds.

    Args:
        config_file: a configuration as JSON.
        examples: folder of ingested examples.
        counts: folder of the baselines' counts.
        evaluation: folder of the Evaluator's files.
        folder: folder for the lists, with one row per recommended item.
    """
    ks = Config.model_validate_json(Path(config_file).read_text()).evaluator_config.ks
    tables, results = read_tables(counts), read_results(f"{evaluation}/{QUERIES}")
    recommended, targets = results.lists(MODEL), results.targets()
    ranked = np.full((len(recommended), max(ks)), None, dtype=object)
    for row, items in enumerate(recommended):
        ranked[row, : len(items)] = items

    of_users = list(_trained_on(examples))
    trained_on = Counter(item for _, items in of_users for item in items)
    interactions = np.array([trained_on[item] for item in tables.items])

    started = time.perf_counter()
    catalogue = Catalogue(tables.items, interactions, tables.users, tables.all_users)
    lists = Lists(ranked, targets, [()] * len(targets), catalogue)
    values = {f"{name}@{k}": float(np.nanmean(METRICS[name](k)(lists))) for name in SHARED for k in ks}
    seconds = time.perf_counter() - started

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "about.json").write_text(json.dumps({"ks": ks}))
    pq.write_table(pa.table({"item_id": tables.items}), folder / "catalogue.parquet")
    users = [str(row) for row in range(len(recommended))]
    _write(folder / "lists.parquet", users, recommended)
    _write(folder / "targets.parquet", users, targets)
    _write(folder / "trained_on.parquet", [user for user, _ in of_users], [items for _, items in of_users])
    print(json.dumps({"seconds": seconds, "values": values}))


def _trained_on(examples: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the user and the items of each training sequence."""
    for record in read_examples(f"{examples}/Split-{TRAIN}"):
        queries = read_queries([record])
        yield queries.users[0], [*queries.histories[0], *queries.targets[0]]


def _write(path: Path, users: list[str], lists: list[list[str]]) -> None:
    rows = [(user, item, rank) for user, items in zip(users, lists, strict=True) for rank, item in enumerate(items, 1)]
    columns = dict(zip(("user_id", "item_id", "rank"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), path)


if __name__ == "__main__":
    config, examples, counts, evaluation, folder = sys.argv[1:]
    main(config, examples, counts, evaluation, Path(folder))

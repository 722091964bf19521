"""Measure lists with RecTools, and print the means and the seconds.

    DIR/bin/python measure.py FOLDER

DIR is an environment with RecTools. `benchmarks.evaluation.compare_rectools` writes FOLDER.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from rectools.metrics import MAP, MRR, NDCG, HitRate, MeanInvUserFreq, Precision, Recall, Serendipity, calc_metrics

METRICS = {
    "recall": Recall,
    "precision": Precision,
    "hit_rate": HitRate,
    "ndcg": NDCG,
    "mrr": MRR,
    "map": MAP,
    "novelty": MeanInvUserFreq,
    "serendipity": Serendipity,
}


def main(folder: Path) -> None:
    """Read the lists, measure them, and print the result.

    Args:
        folder: folder that `benchmarks.evaluation.compare_rectools` wrote.
    """
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("lists", "targets", "trained_on")}
    about = json.loads((folder / "about.json").read_text())
    catalogue = pd.read_parquet(folder / "catalogue.parquet")["item_id"]
    options = {"ndcg": {"divide_by_achievable": True}}
    metrics = {
        f"{name}@{k}": metric(k=k, **options.get(name, {})) for name, metric in METRICS.items() for k in about["ks"]
    }
    started = time.perf_counter()
    values = calc_metrics(
        metrics,
        reco=tables["lists"],
        interactions=tables["targets"],
        prev_interactions=tables["trained_on"],
        catalog=catalogue,
    )
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "values": {name: float(value) for name, value in values.items()}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

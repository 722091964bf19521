"""A baseline of your own: add it to the registry, and measure it next to the others on the test split of a run.

    .venv/bin/python examples/own_baseline.py runs/quickstart

A baseline in the registry of `trainer/baselines/recommenders.py` becomes part of every run, of the report and of the
contract tests. Here the script adds it to its own process only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from scipy import sparse

from components.baselines.tables import read_tables
from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from pipeline.records.run_root import read_record
from trainer.baselines.recommenders import BASELINES, BaselineRecommender, popularity_order
from trainer.baselines.tables import Tables
from trainer.metrics import NDCG, Catalogue, Lists, Recall
from trainer.metrics.lists import Indices


class LastItemKnn:
    """The neighbours of the last item only. `item_knn` uses the last 30 items."""

    def __init__(self, tables: Tables) -> None:
        self.order = popularity_order(tables)
        self._neighbours = tables.neighbours

    def scores(self, histories: Sequence[Indices]) -> sparse.csr_matrix:
        """Return the cosines with the last item, [histories, items]."""
        empty = sparse.csr_matrix((1, self._neighbours.shape[1]))
        rows = [self._neighbours[history[-1]] if len(history) else empty for history in histories]
        return sparse.vstack(rows).tocsr()


def main(root: Path) -> None:
    """Print recall and NDCG of every baseline in the registry."""
    record = read_record(root)
    queries = read_queries(list(read_examples(f"{record['artifacts']['examples']}/Split-test")))
    tables = read_tables(record["artifacts"]["counts"])
    catalogue = Catalogue(tables.items, tables.interactions, tables.users, tables.all_users)
    BASELINES["last_item_knn"] = LastItemKnn
    recommended = BaselineRecommender(tables).recommend(queries.histories, queries.excluded, remove_seen=True, k=10)
    for name, ranked in recommended.items():
        lists = Lists(ranked, queries.targets, queries.seen, catalogue)
        print(f"{name:20} recall@10 {Recall(10)(lists).mean():.4f}  ndcg@10 {NDCG(10)(lists).mean():.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

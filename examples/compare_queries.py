"""The per-query results of a run: compare the model with a baseline overall, in slices, and user by user.

.venv/bin/python examples/compare_queries.py runs/quickstart markov_three_back
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from components.evaluator.query_results import QUERIES, read_results
from pipeline.records.run_root import read_record

METRIC = "ndcg@10"


def main(root: Path, baseline: str) -> None:
    """Print the differences, and the three users with the largest loss against the baseline."""
    record = read_record(root)
    results = read_results(f"{record['evaluation']}/{QUERIES}")

    overall = results.difference("model", baseline, METRIC)
    mean, low, high = overall.interval()
    print(f"{METRIC}, model minus {baseline}: {mean:+.4f}, 95% between {low:+.4f} and {high:+.4f}")

    for slice_name, groups in results.groups.items():
        for group, mask in groups.items():
            found = results.difference("model", baseline, METRIC, mask)
            print(f"  {slice_name} {group}: {found.mean:+.4f} ({found.users} users)")

    changes = results.values("model", METRIC) - results.values(baseline, METRIC)
    targets, lists = results.targets(), results.lists("model")
    for row in (row for row in np.argsort(changes)[:3] if changes[row] < 0):
        recommended, target = ", ".join(lists[row][:3]), targets[row][0]
        print(f"user {results.user_ids[row]}: recommended {recommended}; target {target}; {METRIC} {changes[row]:+.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

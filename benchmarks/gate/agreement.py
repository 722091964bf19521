"""Measure how often two seeds of one model agree, query by query, for the simulation of the gate.

    .venv/bin/python -m benchmarks.gate.agreement ROOT_A ROOT_B

The two runs differ only in `train.seed`. For each group of target popularity, the
queries are counted in which both models hit, one hits, or neither hits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.provenance import circumstances
from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import QUERIES, Results, read_results

RECORDED = Path(__file__).with_name("agreement.json")
METRIC, SLICE = "hit_rate@10", "target_popularity"


def main(
    first: Annotated[Path, typer.Argument(help="root of a run of benchmarks.quality.run")],
    second: Annotated[Path, typer.Argument(help="root of the same run with another seed")],
) -> None:
    """Record the counts."""
    one, other = (_results(root) for root in (first, second))
    if one.user_ids.tolist() != other.user_ids.tolist():
        raise ValueError("expected: two runs with the same test users\nreceived: runs with different test users")
    groups = {}
    for group, mask in one.groups[SLICE].items():
        hits = [results.values(MODEL, METRIC)[mask] > 0 for results in (one, other)]
        groups[group] = {
            "both": int((hits[0] & hits[1]).sum()),
            "either": int((hits[0] ^ hits[1]).sum()),
            "neither": int((~hits[0] & ~hits[1]).sum()),
        }
    RECORDED.write_text(json.dumps({"metric": METRIC, "groups": groups, **circumstances()}, indent=1) + "\n")


def _results(root: Path) -> Results:
    record = json.loads((root / "run.json").read_text())
    return read_results(f"{record['evaluation']}/{QUERIES}")


if __name__ == "__main__":
    typer.run(main)

"""Measures how two seeds of one model agree, query by query: what the simulation of the gate draws from.

    .venv/bin/python -m benchmarks.gate.agreement ROOT_A ROOT_B

The roots are of runs that differ in `train.seed` alone. In each group of the
target's popularity: in how many queries both models hit, either, or neither.
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
    first: Annotated[Path, typer.Argument(help="a root of benchmarks.quality.run")],
    second: Annotated[Path, typer.Argument(help="another seed's")],
) -> None:
    """Records the counts."""
    one, other = (_results(root) for root in (first, second))
    if one.user_ids.tolist() != other.user_ids.tolist():
        raise ValueError("the runs are not on the same test users")
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

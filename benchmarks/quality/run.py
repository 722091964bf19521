"""Run the pipeline on public logs with several seeds, and record the metrics of the test split.

    .venv/bin/python -m benchmarks.quality.run --work runs/quality \
        --movielens-1m interactions.csv.gz --toys interactions.csv.gz --online-retail invoices.csv.gz

A run that `results.jsonl` has already is not repeated. An interrupted run resumes
after its last epoch. MovieLens-100K must have been fetched (`temporec data fetch`).
A log whose path is not given is left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.provenance import circumstances
from benchmarks.quality.curve import read_curve
from benchmarks.quality.generate import write_log
from benchmarks.quality.runs import RUNS
from benchmarks.run_pipeline import run_pipeline

RESULTS = Path(__file__).with_name("results.jsonl")
SEEDS = (1, 2, 3)


def main(
    work: Annotated[Path, typer.Option(help="folder for intermediate files")],
    names: Annotated[list[str] | None, typer.Argument(help="names of the runs (default: all)")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="seeds of the runs (default: all)")] = None,
    movielens_1m: Annotated[Path | None, typer.Option(help="file with the columns user_id,item_id,timestamp")] = None,
    toys: Annotated[Path | None, typer.Option(help="file of Amazon Toys, user_id,item_id,timestamp")] = None,
    online_retail: Annotated[Path | None, typer.Option(help="file of UCI's invoices")] = None,
) -> None:
    """Run and record all runs that are not recorded yet."""
    work = work.resolve()
    logs = {
        "movielens-1m": movielens_1m,
        "toys": toys,
        "online-retail": online_retail,
        "generated": work / "generated.csv",
    }
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "generated.csv").exists():  # a new file would restart an interrupted run
        write_log(work / "generated.csv")
    recorded = map(json.loads, RESULTS.read_text().splitlines()) if RESULTS.exists() else ()
    done = {(result["run"], result["seed"]) for result in recorded}
    for run_seed, name in [(each, name) for each in seed or SEEDS for name in names or RUNS]:
        path = logs.get(RUNS[name].log)
        if (name, run_seed) in done or (RUNS[name].log in logs and path is None):
            continue
        root = work / f"{name.replace(', ', '-').replace(' ', '-')}-{run_seed}"
        arguments = RUNS[name].arguments(str(path.resolve()) if path else None)
        run_pipeline([*arguments, "--set", f"train.seed={run_seed}"], root)
        result = {"run": name, "seed": run_seed, **_result(root), **circumstances()}
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")


def _result(root: Path) -> dict[str, Any]:
    record = json.loads((root / "run.json").read_text())
    return {
        "test": record["metrics"]["test"],
        "orders": record["metrics"]["orders"],
        "baselines": record["metrics"]["baselines"],
        "protocol": record["protocol"],
        "validation": record["order"]["validation"],
        "network_gain": record["order"]["network_gain"],
        "parameters": record["order"]["parameters"],
        "peak_rss_mb": record["peak_rss_mb"],
        "timings_s": record["timings_s"],
        "curve": read_curve(root),
    }


if __name__ == "__main__":
    typer.run(main)

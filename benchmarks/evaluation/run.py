"""Time evaluations: of a finished run, of a catalogue of a million items, and of RecTools.

    .venv/bin/python -m benchmarks.evaluation.run ROOT --work runs/evaluation --rectools-env DIR

ROOT is the root of a run of MovieLens-1M. DIR is an environment with the packages
of rectools/requirements.txt. Nothing else should be running.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.provenance import REPOSITORY, circumstances

RESULTS = Path(__file__).with_name("results.jsonl")
MEASURE = Path(__file__).parent / "rectools" / "measure.py"


def main(
    root: Annotated[Path, typer.Argument(help="root of a finished run")],
    work: Annotated[Path, typer.Option(help="folder for intermediate files")],
    rectools_env: Annotated[Path, typer.Option(help="environment with RecTools")],
) -> None:
    """Measure, print and record."""
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    config = work / "config.json"
    record = json.loads((root / "run.json").read_text())
    config.write_text(json.dumps(record["config"]))
    made = [record["artifacts"][name] for name in ("examples", "counts", "model")]
    found: dict[str, Any] = {"full": _evaluate(str(config), *made, output=work / "evaluation")}
    lists = work / "lists"
    found["lists"] = _module("compare_rectools", str(config), *made[:2], str(work / "evaluation"), str(lists))
    found["rectools"] = _last_line([str(rectools_env.resolve() / "bin" / "python"), str(MEASURE), str(lists)])
    ours, theirs = found["lists"]["values"], found["rectools"]["values"]
    found["furthest_apart"] = max(abs(ours[name] - theirs[name]) for name in theirs)
    found["ratio"] = round(found["rectools"]["seconds"] / found["lists"]["seconds"], 1)
    large = work / "large"
    if not (large / "model" / "saved_model.pb").exists():
        subprocess.run(
            [sys.executable, "-m", "benchmarks.evaluation.million_items", str(large)], check=True, cwd=REPOSITORY
        )
    parts = [str(large / name) for name in ("config.json", "examples", "counts", "model")]
    found["large"] = _evaluate(*parts, output=large / "evaluation")
    RESULTS.write_text(json.dumps(found | circumstances()) + "\n")
    print(json.dumps(found, indent=1))


def _evaluate(*arguments: str, output: Path) -> dict[str, Any]:
    shutil.rmtree(output, ignore_errors=True)
    return _module("measure_once", *arguments, str(output))


def _module(name: str, *arguments: str) -> dict[str, Any]:
    return _last_line([sys.executable, "-m", f"benchmarks.evaluation.{name}", *arguments])


def _last_line(command: list[str]) -> dict[str, Any]:
    ran = subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


if __name__ == "__main__":
    typer.run(main)

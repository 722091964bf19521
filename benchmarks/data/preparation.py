"""Time the components before the Trainer, in one run with an earlier commit.

    .venv/bin/python -m benchmarks.data.preparation --work runs/data --movielens-1m FILE

Each commit runs the pipeline of pipeline/configs/movielens-1m.yaml until its Trainer starts. Nothing else should be
running.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.provenance import REPOSITORY, circumstances

RESULTS = Path(__file__).with_name("preparation.jsonl")
BEFORE = "e777b13"  # the last commit before ingestion, Transform and the baselines changed
_ENDED = re.compile(r"^  (\w+): ([0-9.]+) s$")
_TRAINER = re.compile(r"\] Trainer \.\.\.$")


def main(
    work: Annotated[Path, typer.Option(help="folder for the runs")],
    movielens_1m: Annotated[Path, typer.Option(help="interactions of MovieLens-1M")],
    repetitions: Annotated[int, typer.Option(help="runs of each commit, alternating")] = 3,
) -> None:
    """Measure, print and record."""
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    with _working_tree(work / "before") as before:
        for _ in range(repetitions):
            record = {
                name: _times(sources, movielens_1m.resolve(), work / "root")
                for name, sources in (("before", before), ("now", REPOSITORY))
            }
            with RESULTS.open("a") as file:
                file.write(json.dumps({"seconds": record, "before": BEFORE} | circumstances()) + "\n")
            print(json.dumps(record, indent=1))


@contextmanager
def _working_tree(folder: Path) -> Iterator[Path]:
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    subprocess.run([*git, "add", "--detach", str(folder), BEFORE], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def _times(sources: Path, log: Path, root: Path) -> dict[str, float]:
    """Return the seconds of each component before the Trainer."""
    shutil.rmtree(root, ignore_errors=True)
    arguments = ["run", "--config", "pipeline/configs/movielens-1m.yaml", "--set", f"data.path={log}"]
    seconds = {}
    with subprocess.Popen(
        [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments, "--root", str(root)],
        cwd=sources,
        env={**os.environ, "PYTHONPATH": str(sources)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if ended := _ENDED.match(line):
                seconds[ended[1]] = float(ended[2])
            if _TRAINER.search(line):
                process.terminate()
                return seconds
    raise SystemExit(f"the run of {sources} ended with {process.returncode} before its Trainer started")


if __name__ == "__main__":
    typer.run(main)

"""Time the way from a compressed log to examples, in one run with other ways and an earlier commit.

    .venv/bin/python -m benchmarks.data.run --work runs/data --polars-env DIR

DIR is an environment with in_polars/requirements.txt. The largest log is for time and memory of the way itself; other
ways and formats are measured with the smaller ones.
Nothing else should be running.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from benchmarks.data.generate import DIRTY, ITEMS, ROWS_PER_USER, Ending, write_log
from benchmarks.provenance import REPOSITORY, circumstances
from components.example_gen.listing import describe_files, log_locations
from schemas.loading import load_config

RESULTS = Path(__file__).with_name("results.jsonl")
BEFORE = "8fd67c6"  # the last commit that read the log row by row
_FILES = 8


def main(
    work: Annotated[Path, typer.Option(help="folder for the logs and the examples")],
    polars_env: Annotated[Path, typer.Option(help="environment with polars")],
    rows: Annotated[list[int], typer.Option(help="rows of the logs")] = [1_000_000, 10_000_000, 50_000_000],  # noqa: B006 - typer copies it
) -> None:
    """Measure, print and record."""
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    for size in rows:
        log = _log(work, size)
        found: dict[str, Any] = {
            "temporec": _ingest(REPOSITORY, log, work, workers=1),
            "temporec, 2 workers": _ingest(REPOSITORY, log, work, workers=2),
            "pyarrow": _other("pyarrow", log, work),
        }
        if size <= 10_000_000:
            one_file = _log(work, size, ending="csv", files=1)
            found |= {
                "temporec, Parquet": _ingest(REPOSITORY, _log(work, size, ending="parquet"), work, workers=1),
                "temporec, one file without compression": _ingest(REPOSITORY, one_file, work, workers=1),
                "temporec, one file without compression, 2 workers": _ingest(REPOSITORY, one_file, work, workers=2),
            }
            found["Polars"] = _measure(
                [str(polars_env / "bin" / "python"), f"{Path(__file__).parent}/in_polars/measure.py", str(log)], work
            )
            found["pandas"] = _other("pandas", log, work)
        if size <= 1_000_000:
            found["before"] = _before(log, work)
            found["CsvExampleGen"] = _other("CsvExampleGen", _log(work, size, ending="csv", dirty=0.0), work)
        record = {"rows": size, "users": size // ROWS_PER_USER, "items": ITEMS, "dirty": DIRTY, "ways": found}
        record["log_mb"] = sum(path.stat().st_size for path in log.iterdir()) >> 20
        with RESULTS.open("a") as file:
            file.write(json.dumps(record | circumstances()) + "\n")
        print(json.dumps(record, indent=1))


def _log(work: Path, rows: int, *, ending: Ending = "csv.gz", files: int = _FILES, dirty: float = DIRTY) -> Path:
    """Return the folder of a log. CsvExampleGen reads neither dirty rows nor compressed files."""
    log = work / f"{'dirty' if dirty else 'clean'}-{rows}-{files}-{ending}"
    if not log.exists():
        unfinished = work / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        write_log(unfinished, rows, files, dirty, ending=ending)
        unfinished.rename(log)
    return log


def _ingest(sources: Path, log: Path, work: Path, workers: int) -> dict[str, Any]:
    config = work / "config.yaml"
    settings: dict[str, Any] = {
        "name": "data",
        "data": {
            "path": f"{log}/*",
            "columns": {"user": "user", "item": "item", "timestamp": "time"},
            "timestamp": {"unit": "s"},
        },
    }
    if log.name.endswith("parquet"):  # the earlier commit has no such setting
        settings["data"]["format"] = "parquet"
    config.write_text(yaml.safe_dump(settings))
    files = describe_files(log_locations(load_config(config).data))
    script = Path(__file__).with_name("ingest_once.py")
    return _measure([sys.executable, str(script), str(config), files], work, str(workers), sources=sources)


def _before(log: Path, work: Path) -> dict[str, Any]:
    """Measure the commit before, in a working tree of its own."""
    sources = work / "before"
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    subprocess.run([*git, "add", "--detach", str(sources), BEFORE], check=True)
    try:
        return _ingest(sources, log, work, workers=1)
    finally:
        subprocess.run([*git, "remove", "--force", str(sources)], check=True)


def _other(name: str, log: Path, work: Path) -> dict[str, Any]:
    return _measure([sys.executable, "-m", "benchmarks.data.others", name, str(log)], work)


def _measure(command: list[str], work: Path, *arguments: str, sources: Path = REPOSITORY) -> dict[str, Any]:
    """Run a command with a folder for its output, and return what it prints last."""
    output = work / "output"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(sources), "TF_USE_LEGACY_KERAS": "1"}
    with (work / "log.txt").open("w") as errors:
        done = subprocess.run(  # noqa: PLW1510 - the error names the log
            [*command, str(output), *arguments],
            cwd=sources,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}; see {work / 'log.txt'}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    typer.run(main)

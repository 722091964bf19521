"""Read ten thousand files with random damage, and record whether each gives an exact count or an `InputError`.

    .venv/bin/python -m benchmarks.data.fuzz --work runs/fuzz

The files are read in processes of their own, so that a crash is seen. A file that fails is kept in the folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.provenance import REPOSITORY, circumstances

RESULTS = Path(__file__).with_name("fuzz.jsonl")


def main(
    work: Annotated[Path, typer.Option(help="folder for the files")],
    files: Annotated[int, typer.Option(help="number of files")] = 10_000,
    first_seed: Annotated[int, typer.Option(help="seed of the first file")] = 0,
    workers: Annotated[int, typer.Option(help="processes at a time")] = 2,
    record: Annotated[bool, typer.Option(help="whether to append the result to fuzz.jsonl")] = True,
) -> None:
    """Check, print and record."""
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    step = -(-files // workers)
    parts = [range(seed, min(seed + step, first_seed + files)) for seed in range(first_seed, first_seed + files, step)]
    with ThreadPoolExecutor(workers) as pool:
        found = [each for part in pool.map(lambda seeds: _check_in_process(seeds, work), parts) for each in part]
    outcomes: dict[str, Counter[str]] = {}
    for each in found:
        outcomes.setdefault(each["kind"], Counter())[each["outcome"]] += 1
    failures = [each for each in found if each["outcome"] not in ("rows", "refused")]
    result = {
        "files": len(found),
        "first_seed": first_seed,
        "outcomes": {kind: dict(sorted(counts.items())) for kind, counts in sorted(outcomes.items())},
        "failures": failures[:20],
        "peak_mb": max(each["peak_mb"] for each in found),
        "seconds": round(time.monotonic() - started),
    }
    if record:
        with RESULTS.open("a") as file:
            file.write(json.dumps(result | circumstances()) + "\n")
    print(json.dumps(result, indent=1))
    raise SystemExit(bool(failures))


def _check_in_process(seeds: range, work: Path) -> list[dict[str, Any]]:
    """Check the files of some seeds in another process; after a crash, go on with the next file."""
    found: list[dict[str, Any]] = []
    while len(found) < len(seeds):
        rest = seeds[len(found) :]
        command = [sys.executable, "-m", "benchmarks.data.fuzz_worker", str(work), str(rest[0]), str(rest[-1] + 1)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        checked = [json.loads(line) for line in done.stdout.splitlines()]
        found += checked
        if len(found) < len(seeds):
            found.append(
                {
                    "seed": rest[len(checked)],
                    "kind": "unknown",
                    "outcome": f"the process ended with {done.returncode}",
                    "error": done.stderr[-2_000:],
                    "peak_mb": 0,
                }
            )
    return found


if __name__ == "__main__":
    typer.run(main)

"""The recorded results of the benchmarks, and where they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Results = list[dict[str, Any]]


def read_results(folder: str, file: str = "results.jsonl") -> Results:
    """Return the recorded results of a benchmark.

    Args:
        folder: below this one.
        file: with a result in each line.
    """
    return [json.loads(line) for line in (HERE / folder / file).read_text().splitlines()]


def describe_origin(result: dict[str, Any], module: str) -> str:
    """Return where a result comes from.

    Args:
        result: with the values of `benchmarks.provenance.circumstances`.
        module: the benchmark.
    """
    machine = result["machine"]
    return (
        f"{machine['cores']} cores of {machine['processor']}; {result['date'][:10]}; "
        f"commit {result['commit']}; {describe_command(module)}"
    )


def describe_command(module: str) -> str:
    """Return the command as it works now; a record has the command of its time, with one machine's folders."""
    return f"`.venv/bin/python -m {module}`"

"""Counts of each file of a log: what became of its rows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.beam_combiners import MergeParts, sum_counters
from components.example_gen.counts.report import LEFT_OUT
from schemas.rejection import RejectionReason

FILES_FILE = "files.jsonl"
READ, ACCEPTED, INTERACTIONS = "rows_read", "rows_accepted", "interactions"

# Rows by what became of them and by file. The first part of a key is a constant of this module, a member of
# `RejectionReason`, or a rule of `LEFT_OUT`.
FileCounts = Counter[tuple[str, str]]


def count_rows(batch: pa.RecordBatch, column: str, name: str) -> FileCounts:
    """Return the number of rows of each file.

    Args:
        batch: rows.
        column: the column with their files.
        name: what became of them.
    """
    counts = batch.column(batch.schema.get_field_index(column)).value_counts()
    return Counter({(name, each["values"]): each["counts"] for each in counts.to_pylist()})


def count_rejected_rows(batch: pa.RecordBatch) -> FileCounts:
    """Return the number of rows of each reason and file.

    Args:
        batch: rows of `REJECTED`.
    """
    reasons, files = (batch.column(batch.schema.get_field_index(name)).to_pylist() for name in ("reason", "file"))
    return Counter(zip(reasons, files, strict=True))


def count_by_file(files: npt.NDArray[np.int64], names: pa.Array, name: str) -> FileCounts:
    """Return the number of interactions of each file.

    Args:
        files: the indices of their files in `names`.
        names: the files.
        name: what became of them.
    """
    counts = np.bincount(files, minlength=len(names))
    found = np.flatnonzero(counts)
    return Counter(
        {
            (name, file): count
            for file, count in zip(names.take(pa.array(found)).to_pylist(), counts[found].tolist(), strict=True)
        }
    )


def total(counts: FileCounts, name: str) -> int:
    """Return the number of rows of all files.

    Args:
        counts: the counts of all files.
        name: what became of the rows.
    """
    return sum(count for (key, _), count in counts.items() if key == name)


def by_rule(counts: FileCounts) -> Counter[str]:
    """Return the sums over all files.

    Args:
        counts: the counts of all files.

    Example:
        >>> by_rule(Counter({("bots", "a.csv"): 1, ("bots", "b.csv"): 2}))
        Counter({'bots': 3})
    """
    sums: Counter[str] = Counter()
    for (name, _), count in counts.items():
        sums[name] += count
    return sums


def sum_file_counts() -> beam.CombineFn:
    """Return a combiner that sums counts; a large sum is rarely copied."""
    return MergeParts(sum_counters)


def to_json_lines(counts: FileCounts) -> Iterator[str]:
    """Yield a line of JSON for each file, in the order of their names.

    For each file, `rows_read = rows_accepted + sum(rows_rejected)`, and `rows_accepted =
    sum(rows_left_out) + interactions`.

    Args:
        counts: the counts of all files.
    """
    of_files: dict[str, Counter[str]] = defaultdict(Counter)
    for (name, file), count in counts.items():
        of_files[file][name] = count
    for file in sorted(of_files):
        found = of_files[file]
        row: dict[str, Any] = {
            "file": file,
            READ: found[READ],
            ACCEPTED: found[ACCEPTED],
            "rows_rejected": {reason.value: found[reason] for reason in RejectionReason if found[reason]},
            "rows_left_out": {rule: found[rule] for rule in LEFT_OUT if found[rule]},
            INTERACTIONS: found[INTERACTIONS],
        }
        yield json.dumps(row, ensure_ascii=False) + "\n"

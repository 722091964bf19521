"""What an evaluation kept of each query, read back as arrays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.evaluator.query_metrics import ITEMS, SLICE, TARGETS, TIME_S, USER, VALUE
from components.evaluator.statistics import Difference, difference
from schemas.file_patterns import escape_folder
from trainer.metrics.lists import Floats, Ids

QUERIES = "queries"  # the folder below an evaluation's that holds what was measured of each query

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
Key = tuple[str, int, tuple[str, ...], int]


@dataclass(frozen=True, eq=False)
class Results:
    """Queries in the order of their users' ids, and of time.

    Args:
        table: a row a query; columns as `components.evaluator.query_metrics.schema` has them.
    """

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def users(self) -> Codes:
        """Whose each query is, from 0. [queries]"""
        return np.unique(self.user_ids, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def user_ids(self) -> Ids:
        """[queries]"""
        return np.array(self.table[USER].to_pylist(), dtype=object)

    @cached_property
    def systems(self) -> list[str]:
        """Whatever recommended, the model first."""
        return [name.split(":", 1)[1] for name in self.table.column_names if name.startswith(f"{ITEMS}:")]

    @cached_property
    def metrics(self) -> list[str]:
        """Of each query."""
        prefix = f"{VALUE}:{self.systems[0]}:"
        return [name.removeprefix(prefix) for name in self.table.column_names if name.startswith(prefix)]

    @cached_property
    def ks(self) -> list[int]:
        """The lengths of lists that were looked at, ascending."""
        return sorted({int(metric.rpartition("@")[2]) for metric in self.metrics if "@" in metric})

    @property
    def longest(self) -> int:
        """Items that are kept of each list, where there are so many."""
        return self.ks[-1]

    @cached_property
    def groups(self) -> dict[str, dict[str, Mask]]:
        """By slice and group, which queries are in it, [queries]; groups in the order of their names."""
        slices = [name.split(":", 1)[1] for name in self.table.column_names if name.startswith(f"{SLICE}:")]
        return {name: self._groups(name) for name in slices}

    def values(self, system: str, metric: str) -> Floats:
        """[queries], NaN where there is none."""
        return np.asarray(self.table[f"{VALUE}:{system}:{metric}"].to_numpy(), dtype=np.float64)

    def matrix(self, system: str, metrics: Sequence[str]) -> Floats:
        """[queries, metrics]"""
        return np.stack([self.values(system, metric) for metric in metrics], axis=1)

    def targets(self) -> list[list[str]]:
        """Of each query."""
        return list(self.table[TARGETS].to_pylist())

    def keys(self) -> list[Key]:
        """By which each query is found again."""
        return query_keys(self.user_ids, self.table[TIME_S].to_pylist(), self.targets())

    def lists(self, system: str) -> list[list[str]]:
        """Of each query, best first."""
        return list(self.table[f"{ITEMS}:{system}"].to_pylist())

    def difference(self, first: str, second: str, metric: str, mask: Mask | None = None) -> Difference:
        """Of two systems on the same queries, all of them or those of the mask."""
        values = [self.values(system, metric) for system in (first, second)]
        kept = slice(None) if mask is None else mask
        return difference(values[0][kept], values[1][kept], self.users[kept])

    def _groups(self, name: str) -> dict[str, Mask]:
        column = self.table[f"{SLICE}:{name}"].combine_chunks()
        rows = np.repeat(np.arange(len(self)), np.diff(column.offsets.to_numpy()))
        values = np.array(column.flatten().to_pylist(), dtype=object)
        masks = {}
        for value in sorted(set(values), key=_in_order):
            masks[value] = np.zeros(len(self), np.bool_)
            masks[value][rows[values == value]] = True
        return masks


def read_results(folder: str) -> Results:
    """Reads the Parquet files of a folder."""
    parts = []
    for path in sorted(tf.io.gfile.glob(escape_folder(f"{folder}/*.parquet"))):
        with tf.io.gfile.GFile(path, "rb") as file:
            parts.append(pq.read_table(pa.BufferReader(file.read())))
    return Results(pa.concat_tables(parts).sort_by([(USER, "ascending"), (TIME_S, "ascending")]))


def query_keys(users: Ids, times_s: Sequence[int], targets: Sequence[Sequence[str]]) -> list[Key]:
    """User, second, targets, and the how manieth of such queries: two clicks on an item may come within a second."""
    found: Counter[tuple[str, int, tuple[str, ...]]] = Counter()
    numbered = []
    for key in zip(users, times_s, map(tuple, targets), strict=True):
        numbered.append((*key, found[key]))
        found[key] += 1
    return numbered


def _in_order(group: str) -> tuple[float, str]:
    """Groups of numbers by where they begin, then the others by name."""
    if group.startswith("below"):
        return -np.inf, group
    number = re.match(r"-?\d+(\.\d+)?(e[+-]?\d+)?", group)
    return (float(number[0]) if number else np.inf), group

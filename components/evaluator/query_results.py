"""Results of an evaluation for each query, read back as arrays."""

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
from schemas.errors import InputError
from schemas.file_patterns import escape_folder
from trainer.metrics.lists import Floats, Ids

QUERIES = "queries"  # the folder of these results, below the folder of the evaluation

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
Key = tuple[str, int, tuple[str, ...], int]


@dataclass(frozen=True, eq=False)
class Results:
    """Results for each query, ordered by user id and time.

    Args:
        table: a row for each query, with the columns of `components.evaluator.query_metrics.schema`.

    Example:
        >>> results = read_results("evaluation/queries")  # doctest: +SKIP
        >>> results.values("model", "recall@10").mean()  # doctest: +SKIP
        0.234
    """

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def users(self) -> Codes:
        """The number of each query's user, from 0, [queries]."""
        return np.unique(self.user_ids, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def user_ids(self) -> Ids:
        """The user id of each query, [queries]."""
        return np.array(self.table[USER].to_pylist(), dtype=object)

    @property
    def times_s(self) -> Codes:
        """The time of each query in seconds since 1970, [queries]."""
        return np.asarray(self.table[TIME_S].to_numpy(), np.int64)

    @cached_property
    def systems(self) -> list[str]:
        """The names of all systems, the model first."""
        return [name.split(":", 1)[1] for name in self.table.column_names if name.startswith(f"{ITEMS}:")]

    @cached_property
    def metrics(self) -> list[str]:
        """The names of the metrics."""
        prefix = f"{VALUE}:{self.systems[0]}:"
        return [name.removeprefix(prefix) for name in self.table.column_names if name.startswith(prefix)]

    @cached_property
    def ks(self) -> list[int]:
        """The lengths of lists with metrics, ascending."""
        return sorted({int(metric.rpartition("@")[2]) for metric in self.metrics if "@" in metric})

    @property
    def longest(self) -> int:
        """The number of items that are kept of each list."""
        return self.ks[-1]

    @cached_property
    def groups(self) -> dict[str, dict[str, Mask]]:
        """Slice -> group -> mask of its queries, [queries]."""
        slices = [name.split(":", 1)[1] for name in self.table.column_names if name.startswith(f"{SLICE}:")]
        return {name: self._groups(name) for name in slices}

    def values(self, system: str, metric: str) -> Floats:
        """Return a metric of a system.

        Args:
            system: the name of the system.
            metric: the name of the metric.

        Returns:
            [queries], NaN where a query has no value.

        Raises:
            InputError: the system or the metric was not evaluated.
        """
        name = f"{VALUE}:{system}:{metric}"
        if name not in self.table.column_names:
            known = [column.split(":") for column in self.table.column_names if column.startswith(f"{VALUE}:")]
            systems, metrics = ({parts[place]: None for parts in known} for place in (1, 2))
            raise InputError(
                expected=f"one of the systems {', '.join(systems)} and of the metrics {', '.join(metrics)}",
                received=f"{metric} of {system}",
                remedy="give a name as it is in run.json, under metrics",
            )
        return np.asarray(self.table[name].to_numpy(), dtype=np.float64)

    def matrix(self, system: str, metrics: Sequence[str]) -> Floats:
        """Return several metrics of a system.

        Args:
            system: the name of the system.
            metrics: the names of the metrics.

        Returns:
            [queries, metrics], NaN where a query has no value.
        """
        return np.stack([self.values(system, metric) for metric in metrics], axis=1)

    def targets(self) -> list[list[str]]:
        """Return the targets of each query."""
        return list(self.table[TARGETS].to_pylist())

    def keys(self) -> list[Key]:
        """Return keys that identify the same query in another evaluation."""
        return query_keys(self.user_ids, self.table[TIME_S].to_pylist(), self.targets())

    def lists(self, system: str) -> list[list[str]]:
        """Return the lists of a system.

        Args:
            system: the name of the system.

        Returns:
            The list of each query, best item first.
        """
        return list(self.table[f"{ITEMS}:{system}"].to_pylist())

    def difference(self, first: str, second: str, metric: str, mask: Mask | None = None) -> Difference:
        """Return the difference of two systems on the same queries.

        Args:
            first: the name of a system.
            second: the name of the system that is subtracted.
            metric: the metric.
            mask: the queries to use, [queries]; all without a mask.

        Returns:
            The mean difference with its standard error.
        """
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
    """Read the Parquet files of a folder.

    Args:
        folder: the folder `queries` of an evaluation.

    Returns:
        The results, ordered by user id and time.
    """
    parts = []
    for path in sorted(tf.io.gfile.glob(escape_folder(f"{folder}/*.parquet"))):
        with tf.io.gfile.GFile(path, "rb") as file:
            parts.append(pq.read_table(pa.BufferReader(file.read())))
    return Results(pa.concat_tables(parts).sort_by([(USER, "ascending"), (TIME_S, "ascending")]))


def query_keys(users: Ids, times_s: Sequence[int], targets: Sequence[Sequence[str]]) -> list[Key]:
    """Return keys that identify the same query in another evaluation.

    Args:
        users: the user id of each query.
        times_s: the time of each query.
        targets: the targets of each query.

    Returns:
        User, second, targets and occurrence number: a user can have two equal queries within a second.
    """
    found: Counter[tuple[str, int, tuple[str, ...]]] = Counter()
    numbered = []
    for key in zip(users, times_s, map(tuple, targets), strict=True):
        numbered.append((*key, found[key]))
        found[key] += 1
    return numbered


def _in_order(group: str) -> tuple[float, str]:
    """Return the sort key of a group: groups of numbers by their lower end, then the others by name."""
    if group.startswith("below"):
        return -np.inf, group
    number = re.match(r"-?\d+(\.\d+)?(e[+-]?\d+)?", group)
    return (float(number[0]) if number else np.inf), group

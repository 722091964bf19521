"""Beam combiners for any kind of part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

ValueCounts = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]  # distinct values, ascending; the count of each


class MergeParts(beam.CombineFn):
    """Combiner that merges parts of similar size: few parts are kept, and large ones are merged rarely.

    Args:
        merge: merges any number of parts, in any order. It gets an empty sequence for an empty
            collection.
        size: returns the size of a part.
    """

    def __init__(self, merge: Callable[[Sequence[Any]], Any], size: Callable[[Any], int] = len) -> None:
        super().__init__()
        self._merge = merge
        self._size = size

    def create_accumulator(self) -> list[Any]:
        """Return no parts."""
        return []

    def add_input(self, parts: list[Any], part: Any) -> list[Any]:
        """Add a part, and merge the last ones while they are of similar size."""
        parts.append(part)
        while len(parts) > 1 and self._size(parts[-2]) <= 2 * self._size(parts[-1]):
            parts[-2:] = [self._merge(parts[-2:])]
        return parts

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        """Merge all parts into one."""
        return [self._merge([part for parts in accumulators for part in parts])]

    def extract_output(self, parts: list[Any]) -> Any:
        """Return the merged part."""
        return self._merge(parts)


def merge_value_counts(parts: Sequence[ValueCounts]) -> ValueCounts:
    """Return the sum of counts of values.

    Args:
        parts: any number of counts.

    Returns:
        The distinct values of all parts, ascending, and the sum of each one's counts.
    """
    values = np.concatenate([part[0] for part in parts] or [np.zeros(0)])
    distinct, indices = np.unique(values, return_inverse=True)
    counts = np.zeros(len(distinct), np.int64)
    np.add.at(counts, indices, np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)]))
    return distinct, counts


def count_distinct(counts: ValueCounts) -> int:
    """Return the number of distinct values: the size of counts for `MergeParts`."""
    return len(counts[0])


def sum_counters(counters: Iterable[Counter[str]]) -> Counter[str]:
    """Return the sum of counters, for `beam.CombineGlobally`."""
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total

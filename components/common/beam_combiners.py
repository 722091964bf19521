"""Sums of many parts in Beam, whatever the parts are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

ValueCounts = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]  # distinct numbers, ascending; how often each is there


class MergeParts(beam.CombineFn):
    """Merges parts of like size, so that there are few of them and a large one is not merged often.

    Args:
        merge: of any number of parts, in any order; of none, what there is without any.
        size: of a part.
    """

    def __init__(self, merge: Callable[[Sequence[Any]], Any], size: Callable[[Any], int] = len) -> None:
        super().__init__()
        self._merge = merge
        self._size = size

    def create_accumulator(self) -> list[Any]:
        """No parts."""
        return []

    def add_input(self, parts: list[Any], part: Any) -> list[Any]:
        """Adds a part."""
        parts.append(part)
        while len(parts) > 1 and self._size(parts[-2]) <= 2 * self._size(parts[-1]):
            parts[-2:] = [self._merge(parts[-2:])]
        return parts

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        """Everything as one part."""
        return [self._merge([part for parts in accumulators for part in parts])]

    def extract_output(self, parts: list[Any]) -> Any:
        """Everything as one part."""
        return self._merge(parts)


def merge_value_counts(parts: Sequence[ValueCounts]) -> ValueCounts:
    """The sum."""
    numbers = np.concatenate([part[0] for part in parts] or [np.zeros(0)])
    found, places = np.unique(numbers, return_inverse=True)
    counts = np.zeros(len(found), np.int64)
    np.add.at(counts, places, np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)]))
    return found, counts


def count_distinct(counts: ValueCounts) -> int:
    """How many numbers there are: what `MergeParts` has to know of counts."""
    return len(counts[0])

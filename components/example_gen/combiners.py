"""Counts over a whole log as Beam combiners. They are exact, also when Beam retries a bundle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np

from components.common.beam_combiners import MergeParts, ValueCounts, count_distinct, merge_value_counts
from components.example_gen.timelines import Timeline

Ends = tuple[float, float]  # first and last time


class MeasureExtent(beam.CombineFn):
    """Combiner of timelines to the number of distinct items, and the first and last time.

    The ids of all items are in one worker's memory.
    """

    def create_accumulator(self) -> tuple[set[str], Ends | None]:
        """Return no items and no times."""
        return set(), None

    def add_input(self, extent: tuple[set[str], Ends | None], timeline: Timeline) -> tuple[set[str], Ends | None]:
        """Add one timeline."""
        items, ends = extent
        items.update(timeline.item_ids)
        return items, _widest([ends, (timeline.timestamps_s[0], timeline.timestamps_s[-1])])

    def merge_accumulators(self, extents: Iterable[tuple[set[str], Ends | None]]) -> tuple[set[str], Ends | None]:
        """Return the union of the items, and the earliest and latest time."""
        item_sets, ends = zip(*extents, strict=True)
        return set().union(*item_sets), _widest(ends)

    def extract_output(self, extent: tuple[set[str], Ends | None]) -> dict[str, Any]:
        """Return values for `IngestionReport`; times are None if there was no timeline."""
        items, ends = extent
        first, last = ends or (None, None)
        return {"items": len(items), "first_timestamp_s": first, "last_timestamp_s": last}


def _widest(ends: Iterable[Ends | None]) -> Ends | None:
    known = [pair for pair in ends if pair is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


class CountSeconds(MergeParts):
    """Combiner of timelines to the interactions of each whole second, with 16 bytes for each distinct second."""

    def __init__(self) -> None:
        super().__init__(merge_value_counts, count_distinct)

    def add_input(self, parts: list[ValueCounts], timeline: Timeline) -> list[ValueCounts]:
        """Add one timeline."""
        return super().add_input(parts, np.unique(np.floor(timeline.timestamps_s), return_counts=True))

"""Counts over a whole log as Beam combiners. They are exact, also when Beam retries a bundle."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindows

from components.common.beam_combiners import MergeParts, ValueCounts, count_distinct, merge_value_counts
from components.example_gen.timelines import Timeline

_ITEM_GROUPS = 64  # different workers can count them
Ends = tuple[float, float]  # first and last time


class MeasureExtent(beam.CombineFn):
    """Combiner of timelines to the first and the last time."""

    def create_accumulator(self) -> Ends | None:
        """Return no times."""
        return None

    def add_input(self, ends: Ends | None, timeline: Timeline) -> Ends | None:
        """Add one timeline."""
        return _widest([ends, (timeline.timestamps_s[0], timeline.timestamps_s[-1])])

    def merge_accumulators(self, ends: Iterable[Ends | None]) -> Ends | None:
        """Return the earliest and the latest time."""
        return _widest(ends)

    def extract_output(self, ends: Ends | None) -> dict[str, Any]:
        """Return values for `IngestionReport`; they are None if there was no timeline."""
        first, last = ends or (None, None)
        return {"first_timestamp_s": first, "last_timestamp_s": last}


def _widest(ends: Iterable[Ends | None]) -> Ends | None:
    known = [pair for pair in ends if pair is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


class CountItems(beam.PTransform):
    """Transform of timelines to the number of distinct items, one element. No worker holds the ids of all of them."""

    def expand(self, timelines: beam.PCollection) -> beam.PCollection:
        """Return the number."""
        return (
            timelines
            | "GroupItems" >> beam.ParDo(_GroupItems()).with_output_types(tuple[int, Any])
            | "DistinctOfGroup" >> beam.CombinePerKey(MergeParts(lambda parts: frozenset().union(*parts)))
            | "SizeOfGroup" >> beam.MapTuple(lambda _, items: len(items))
            | "AllItems" >> beam.CombineGlobally(sum)
        )


class _GroupItems(beam.DoFn):
    """Groups of the distinct items of a bundle. Beam's cost is per element, so a single item is never an element."""

    def start_bundle(self) -> None:
        """Begin without items."""
        self._items: set[str] = set()

    def process(self, timeline: Timeline) -> None:
        """Add the items of one timeline."""
        self._items.update(timeline.item_ids)

    def finish_bundle(self) -> Iterator[Any]:
        """Yield the items by the number of their group."""
        groups = defaultdict(list)
        for item in self._items:
            groups[zlib.crc32(item.encode()) % _ITEM_GROUPS].append(item)  # the same in every process, unlike hash()
        for number, items in groups.items():
            yield GlobalWindows.windowed_value((number, frozenset(items)))


class CountSeconds(MergeParts):
    """Combiner of timelines to the interactions of each whole second, with 16 bytes for each distinct second."""

    def __init__(self) -> None:
        super().__init__(merge_value_counts, count_distinct)

    def add_input(self, parts: list[ValueCounts], timeline: Timeline) -> list[ValueCounts]:
        """Add one timeline."""
        return super().add_input(parts, np.unique(np.floor(timeline.timestamps_s), return_counts=True))

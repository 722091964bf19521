"""Counts over a whole log as Beam combiners. They are exact, also when Beam retries a bundle."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from components.common.beam_combiners import MergeParts, ValueCounts, count_distinct, merge_value_counts
from components.example_gen.report import SAMPLE_CHARACTERS, SAMPLES, RejectedRow
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


class RejectedCounts(NamedTuple):
    """Rejected rows by reason: the count, and the first samples in the order of file and line."""

    rows: Counter[str]
    samples: dict[str, list[RejectedRow]]


class CountRejected(beam.CombineFn):
    """Combiner of `REJECTED` batches to counts by reason, with a few samples of each."""

    def create_accumulator(self) -> RejectedCounts:
        """Return no rows."""
        return RejectedCounts(Counter(), {})

    def add_input(self, counts: RejectedCounts, batch: pa.RecordBatch) -> RejectedCounts:
        """Add a batch."""
        samples = defaultdict(list)
        for reason, file, line, raw in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            samples[reason].append(RejectedRow(file, line, raw[:SAMPLE_CHARACTERS]))
        rows = Counter({reason: len(found) for reason, found in samples.items()})
        return self.merge_accumulators([counts, RejectedCounts(rows, samples)])

    def merge_accumulators(self, accumulators: Iterable[RejectedCounts]) -> RejectedCounts:
        """Return the sum of the counts, and the first samples."""
        rows: Counter[str] = Counter()
        samples: dict[str, list[RejectedRow]] = defaultdict(list)
        for counts in accumulators:
            rows += counts.rows
            for reason, found in counts.samples.items():
                samples[reason] += found
        return RejectedCounts(
            rows,
            {
                reason: heapq.nsmallest(SAMPLES, found, key=lambda row: (row.file, row.line))
                for reason, found in samples.items()
            },
        )

    def extract_output(self, counts: RejectedCounts) -> RejectedCounts:
        """Return the counts."""
        return counts

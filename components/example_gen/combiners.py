"""What is counted over a whole log, as Beam combiners: exact, whatever bundle is retried."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from components.common.beam_combiners import MergeParts, ValueCounts, count_distinct, merge_value_counts
from components.example_gen.report import RejectedRow
from components.example_gen.timelines import Timeline

SAMPLES = 3  # of each reason
SAMPLE_CHARACTERS = 200

Ends = tuple[float, float]  # first and last time


class SumCounters(beam.CombineFn):
    """Adds counters up."""

    def create_accumulator(self) -> Counter[str]:
        """Nothing yet."""
        return Counter()

    def add_input(self, total: Counter[str], counts: Counter[str]) -> Counter[str]:
        """Adds one counter."""
        total.update(counts)
        return total

    def merge_accumulators(self, accumulators: Iterable[Counter[str]]) -> Counter[str]:
        """Adds sums."""
        return sum(accumulators, Counter())

    def extract_output(self, total: Counter[str]) -> Counter[str]:
        """The sum."""
        return total


class MeasureExtent(beam.CombineFn):
    """The number of distinct items of timelines, and their first and last time, in the words of the report.

    The ids of all items come together in one worker's memory.
    """

    def create_accumulator(self) -> tuple[set[str], Ends | None]:
        """No items, no time."""
        return set(), None

    def add_input(self, extent: tuple[set[str], Ends | None], timeline: Timeline) -> tuple[set[str], Ends | None]:
        """Adds one timeline."""
        items, ends = extent
        items.update(timeline.item_ids)
        return items, _widest([ends, (timeline.timestamps_s[0], timeline.timestamps_s[-1])])

    def merge_accumulators(self, extents: Iterable[tuple[set[str], Ends | None]]) -> tuple[set[str], Ends | None]:
        """Unites the items, and widens the time."""
        item_sets, ends = zip(*extents, strict=True)
        return set().union(*item_sets), _widest(ends)

    def extract_output(self, extent: tuple[set[str], Ends | None]) -> dict[str, Any]:
        """The report's keys; times are None where there was no timeline."""
        items, ends = extent
        first, last = ends or (None, None)
        return {"items": len(items), "first_timestamp_s": first, "last_timestamp_s": last}


def _widest(ends: Iterable[Ends | None]) -> Ends | None:
    known = [pair for pair in ends if pair is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


class CountSeconds(MergeParts):
    """Counts timelines' interactions by whole second; holds 16 bytes for each distinct one."""

    def __init__(self) -> None:
        super().__init__(merge_value_counts, count_distinct)

    def add_input(self, parts: list[ValueCounts], timeline: Timeline) -> list[ValueCounts]:
        """Adds one timeline."""
        return super().add_input(parts, np.unique(np.floor(timeline.timestamps_s), return_counts=True))


class RejectedCounts(NamedTuple):
    """Both by reason; the samples are the first by file and line."""

    rows: Counter[str]
    samples: dict[str, list[RejectedRow]]


class CountRejected(beam.CombineFn):
    """Counts the rows of `REJECTED` batches by reason, and keeps a few of each."""

    def create_accumulator(self) -> RejectedCounts:
        """No rows."""
        return RejectedCounts(Counter(), {})

    def add_input(self, counts: RejectedCounts, batch: pa.RecordBatch) -> RejectedCounts:
        """Adds a batch."""
        samples = defaultdict(list)
        for reason, file, line, raw in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            samples[reason].append(RejectedRow(file, line, raw[:SAMPLE_CHARACTERS]))
        rows = Counter({reason: len(found) for reason, found in samples.items()})
        return self.merge_accumulators([counts, RejectedCounts(rows, samples)])

    def merge_accumulators(self, accumulators: Iterable[RejectedCounts]) -> RejectedCounts:
        """Adds the counts, and keeps the first samples."""
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
        """The counts."""
        return counts

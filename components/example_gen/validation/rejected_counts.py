"""Counts of rejected rows by reason, with samples: a Beam combiner, exact also when Beam retries a bundle."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.sources.csv_rows import printable
from components.example_gen.sources.rejected_rows import SAMPLE_CHARACTERS, SAMPLES, RejectedRow


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
        rows = Counter[str]()
        samples: dict[str, list[RejectedRow]] = {}
        for reason in batch.column(0).unique().to_pylist():
            found = batch.filter(pc.equal(batch.column(0), reason))
            first = pc.sort_indices(found, sort_keys=[("file", "ascending"), ("line", "ascending")])[:SAMPLES]
            rows[reason] = found.num_rows
            samples[reason] = [
                RejectedRow(row["file"], row["line"], printable(row["raw"])[:SAMPLE_CHARACTERS])
                for row in found.take(first).to_pylist()
            ]
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
                reason: heapq.nsmallest(SAMPLES, found, key=lambda row: (row.file, row.line, row.raw))
                for reason, found in samples.items()
            },
        )

    def extract_output(self, counts: RejectedCounts) -> RejectedCounts:
        """Return the counts."""
        return counts

"""Counts over a whole log as Beam transforms. They are exact, also when Beam retries a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from components.common.beam_combiners import MergeParts, ValueCounts, count_distinct, merge_value_counts
from components.example_gen.interactions.spill import buckets_of
from components.example_gen.interactions.timelines import Timelines

Ends = tuple[float, float]  # first and last time


def widest(ends: Iterable[Ends | None]) -> Ends | None:
    """Return the first and the last of pairs of a first and a last time, for `beam.CombineGlobally`; None for none."""
    known = [pair for pair in ends if pair is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


class CountDistinct(beam.PTransform):
    """Transform of string arrays to the number of distinct strings, one element. No worker holds all of them."""

    def expand(self, ids: beam.PCollection) -> beam.PCollection:
        """Return the number."""
        return (
            ids
            | "ByBucket" >> beam.FlatMap(_by_bucket).with_output_types(tuple[int, Any])
            | "DistinctOfBucket" >> beam.CombinePerKey(MergeParts(_distinct))
            | "SizeOfBucket" >> beam.MapTuple(lambda _, ids: len(ids))
            | "AllBuckets" >> beam.CombineGlobally(sum)
        )


def _by_bucket(ids: pa.Array) -> Iterator[tuple[int, pa.Array]]:
    ids = ids.unique()
    buckets = buckets_of(ids)
    for bucket in np.unique(buckets).tolist():
        yield bucket, ids.filter(pa.array(buckets == bucket))


def _distinct(parts: Sequence[pa.Array]) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *parts]).unique()


class CountSeconds(MergeParts):
    """Combiner of timelines to the interactions of each whole second, with 16 bytes for each distinct second."""

    def __init__(self) -> None:
        super().__init__(merge_value_counts, count_distinct)

    def add_input(self, parts: list[ValueCounts], timelines: Timelines) -> list[ValueCounts]:
        """Add some timelines."""
        return super().add_input(parts, np.unique(np.floor(timelines.timestamps_s), return_counts=True))

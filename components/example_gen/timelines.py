"""Timelines: each user's interactions in order of time, without items and users that have too few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.config.log import DataConfig

# Some of a user's rows: their file; their lines, timestamps_s, item ids and further columns.
Chunk = tuple[str, list[list[Any]]]


class Timeline(NamedTuple):
    """A user's interactions, oldest first. Interactions of the same time are in the order of the log."""

    user_id: str
    item_ids: list[str]
    timestamps_s: list[float]
    # By name, as many as item_ids: a category ("" if unknown) or a number (NaN if unknown).
    further: dict[str, list[Any]]


class BuildTimelines(beam.PTransform):
    """Transform of interactions to `Timeline` elements.

    First, items with too few interactions over all users are left out. Then users with too few of
    the remaining interactions are left out. Each happens once. All interactions of one user are in
    one worker's memory. With a minimum for items, so are the ids of all items that pass it.

    Args:
        data: the minimums and the further columns.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._item_minimum = data.min_item_interactions
        self._user_minimum = data.min_user_interactions
        self._names = [feature.name for feature in data.features if not feature.in_table]

    def expand(self, batches: beam.PCollection) -> dict[str, beam.PCollection]:
        """Return `timelines`, and `dropped`: counters of the interactions left out."""
        frequent_items = beam.pvalue.AsSingleton(self._frequent_items(batches)) if self._item_minimum > 1 else None
        chunks = batches | "GroupInBatch" >> beam.FlatMap(_chunks, frequent_items).with_outputs(
            "dropped", main="chunks"
        )
        timelines = (
            chunks.chunks
            | "KeyByUser" >> beam.Map(lambda chunk: chunk).with_output_types(tuple[str, Any])
            | "GroupByUser" >> beam.GroupByKey()
            | "OrderInTime"
            >> beam.FlatMap(_timeline, self._user_minimum, self._names).with_outputs("dropped", main="timelines")
        )
        dropped = (chunks.dropped, timelines.dropped) | "Dropped" >> beam.Flatten()
        return {"timelines": timelines.timelines, "dropped": dropped}

    def _frequent_items(self, batches: beam.PCollection) -> beam.PCollection:
        """Return one element: the ids of the items with enough interactions."""
        return (
            batches
            | "CountItemsInBatch" >> beam.FlatMap(_item_counts).with_output_types(tuple[str, int])
            | "CountItems" >> beam.CombinePerKey(sum)
            | "EnoughInteractions" >> beam.Filter(lambda item, least: item[1] >= least, self._item_minimum)
            | "ItemIds" >> beam.Keys()
            | "CollectItems" >> beam.combiners.ToList()
        )


def _item_counts(batch: pa.RecordBatch) -> Iterator[tuple[str, int]]:
    counts = pc.value_counts(batch.column(batch.schema.get_field_index("item_id")))
    yield from zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True)


def _chunks(batch: pa.RecordBatch, frequent_items: list[str] | None) -> Iterator[Any]:
    """Yield a batch's rows by user. Beam's cost is per element, so a single row is never an element."""
    columns = batch.columns
    if frequent_items is not None:
        keep = pc.is_in(columns[1], value_set=pa.array(frequent_items, pa.string()))
        columns = [column.filter(keep) for column in columns]
        yield beam.pvalue.TaggedOutput("dropped", Counter(below_item_minimum=batch.num_rows - len(columns[0])))
    if not len(columns[0]):
        return
    users, files = columns[0].dictionary_encode(), columns[3].dictionary_encode()
    group = users.indices.to_numpy().astype(np.int64) * len(files.dictionary) + files.indices.to_numpy()
    order = np.argsort(group)
    starts = np.flatnonzero(np.diff(group[order], prepend=-1)).tolist()
    user_ids, item_ids, times, names, lines, *further = (column.take(pa.array(order)).to_pylist() for column in columns)
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        yield user_ids[start], (names[start], [column[start:end] for column in (lines, times, item_ids, *further)])


def _timeline(user: tuple[str, Iterable[Chunk]], least: int, names: list[str]) -> Iterator[Any]:
    user_id, chunks = user
    # A line of a file appears once, so the comparison never reaches the columns after it.
    rows = sorted(
        (time, file, line, *rest)
        for file, (lines, times, *columns) in chunks
        for line, time, *rest in zip(lines, times, *columns, strict=True)
    )
    if len(rows) < least:
        yield beam.pvalue.TaggedOutput("dropped", Counter(below_user_minimum=len(rows)))
    else:
        times, _, _, items, *further = (list(column) for column in zip(*rows, strict=True))
        yield Timeline(user_id, items, times, dict(zip(names, further, strict=True)))

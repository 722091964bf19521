"""The table of items: what is known of an item beside who did something with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from components.example_gen.side_tables import EMPTY, LookupTable, read_table
from components.example_gen.timelines import Timeline
from schemas.config.log import DataConfig


def read_items(data: DataConfig) -> LookupTable:
    """The further columns of the items; nothing where there is no table.

    Raises:
        InputError: a file cannot be read or lacks a column, or what is to be a number is none.
    """
    return read_table(data.items, data.null_values) if data.items else EMPTY


class DescribeItems(beam.PTransform):
    """Adds what the table knows of their items to timelines; the table is in every worker's memory."""

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, timelines: beam.PCollection) -> Any:
        """To `timelines`, and `counts`: counters of the interactions whose item is not in the table."""
        items = beam.pvalue.AsSingleton(
            timelines.pipeline | "Table" >> beam.Create([self._data]) | "ReadTable" >> beam.Map(read_items)
        )
        return timelines | "Describe" >> beam.FlatMap(_describe, items).with_outputs("counts", main="timelines")


def _describe(timeline: Timeline, items: LookupTable) -> Iterator[Any]:
    rows = [items.rows.get(item, items.none) for item in timeline.item_ids]
    columns = {name: list(values) for name, values in zip(items.names, zip(*rows, strict=True), strict=True)}
    yield timeline._replace(further={**timeline.further, **columns})
    yield beam.pvalue.TaggedOutput("counts", {"not_in_table": sum(map(items.is_missing, timeline.item_ids))})

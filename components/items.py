"""The table of items: what is known of an item beside who did something with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from components.interactions import read_number
from components.sources import column_positions, find_files, open_log, read_block, read_lines, read_rows
from components.timelines import Timeline
from schemas.errors import InputError
from schemas.log import Data, Feature, Items

Table = Mapping[str, Sequence[Any]]  # by item id, a value for each of the table's features; "" or NaN for none


def read_columns(items: Items, columns: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """The rows of the table: their file and line, and these columns; rows that cannot be split are left out.

    Raises:
        InputError: a file cannot be read, or lacks a column.
    """
    for name in find_files(items.path, "data.items.path"):
        with open_log(name) as file:
            rows = read_rows(read_lines(iter(lambda: read_block(file, name), b"")), items.delimiter, '"')  # noqa: B023
            header = next(rows, None)
            positions = column_positions((header and header.fields) or [""], columns, name)
            for row in rows:
                if row.fields is not None:
                    yield name, row.line, [row.fields[position].strip() for position in positions]


def read_table(data: Data, features: Sequence[Feature]) -> Table:
    """The features of each item; of an item that comes twice, those that come last.

    Raises:
        InputError: a file cannot be read or lacks a column, or what is to be a number is none.
    """
    if data.items is None:
        return {}
    table = {}
    for file, line, (item, *texts) in read_columns(data.items, [data.items.id, *(f.column for f in features)]):
        table[item] = [
            _value("" if text in data.null_values else text, feature, f"{file}:{line}")
            for text, feature in zip(texts, features, strict=True)
        ]
    return table


def _value(text: str, feature: Feature, place: str) -> str | float:
    if feature.kind == "category":
        return " ".join(text.split())  # a vocabulary holds one a line
    number = read_number(text) if text else math.nan
    if text and not math.isfinite(number):
        raise InputError(
            expected=f"numbers in column {feature.column!r} of the items (data.items.columns.{feature.name})",
            received=f"{text!r} at {place}",
            remedy="correct the table, set kind: category, or name the text in data.null_values",
        )
    return number


class DescribeItems(beam.PTransform):
    """Adds what the table knows of their items to timelines; the table is in every worker's memory."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self._data = data

    def expand(self, timelines: beam.PCollection) -> Any:
        """To `timelines`, and `counts`: counters of the interactions whose item is not in the table."""
        features = [feature for feature in self._data.features if feature.in_table]
        table = beam.pvalue.AsSingleton(
            timelines.pipeline | "Table" >> beam.Create([self._data]) | "ReadTable" >> beam.Map(read_table, features)
        )
        return timelines | "Describe" >> beam.FlatMap(_describe, features, table).with_outputs(
            "counts", main="timelines"
        )


def _describe(timeline: Timeline, features: Sequence[Feature], table: Table) -> Iterator[Any]:
    none = [_value("", feature, "") for feature in features]
    rows = [table.get(item, none) for item in timeline.item_ids]
    columns = {feature.name: list(values) for feature, values in zip(features, zip(*rows, strict=True), strict=True)}
    yield timeline._replace(further={**timeline.further, **columns})
    yield beam.pvalue.TaggedOutput("counts", {"not_in_table": sum(item not in table for item in timeline.item_ids)})

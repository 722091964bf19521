"""Values of items and users by id, and their join to timelines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.interactions.timelines import Timelines, one_chunk, ranked
from schemas.config.tables import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from schemas.features import user_key

ORIGIN = ("id", "file", "line")  # columns of a table's rows before its values


def rows_schema(table: UsersTableConfig) -> pa.Schema:
    """Return the schema of a table's rows: `ORIGIN`, then a column for each feature.

    Args:
        table: the table. A column has the name of its feature, see `user_key`.
    """
    types = {"category": pa.string(), "number": pa.float64()}
    values = [(user_key(key), types[column.kind]) for key, column in table.columns.items()]
    return pa.schema([("id", pa.string()), ("file", pa.string()), ("line", pa.int64()), *values])


@dataclass(frozen=True)
class LookupTable:
    """Values by id.

    Args:
        ids: [rows], each once.
        columns: by name [rows]: strings, "" if unknown, or float64 numbers, NaN if unknown.
    """

    ids: pa.Array
    columns: Mapping[str, pa.Array]

    def look_up(self, ids: pa.Array) -> tuple[dict[str, pa.Array], npt.NDArray[np.bool_]]:
        """Return the values of some ids, and which of the ids the table lacks.

        Args:
            ids: strings.

        Returns:
            The columns, with unknown values for an unknown id; a mask.
        """
        rows = pc.index_in(ids, value_set=self.ids)
        found = {
            name: pc.fill_null(column.take(rows), "" if column.type == pa.string() else math.nan)
            for name, column in self.columns.items()
        }
        return found, np.asarray(rows.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def build_table(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> LookupTable:
    """Return the rows of a table by id. If an id appears twice, its last row counts, by file and line.

    Args:
        batches: rows in any order.
        schema: the output of `rows_schema`.
    """
    rows = pa.Table.from_batches(list(batches), schema=schema).combine_chunks()
    (_, ids), (_, files) = ranked(rows["id"]), ranked(rows["file"])
    order = np.lexsort((rows["line"].to_numpy(), files, ids))
    last = order[np.flatnonzero(np.diff(ids[order], append=-1))]
    kept = rows.take(pa.array(last)).combine_chunks()
    columns = {name: one_chunk(kept[name]) for name in schema.names}
    return LookupTable(columns["id"], {name: columns[name] for name in schema.names if name not in ORIGIN})


def items_by_id(rows: pa.Table, items: ItemsTableConfig) -> LookupTable:
    """Return the columns of items that are joined to interactions. The categories of an item are one text.

    Args:
        rows: the items, of `item_schema`.
        items: the columns.

    Raises:
        InputError: an item has several categories in a column without a separator.
    """
    columns: dict[str, pa.Array] = {}
    for name, column in items.columns.items():
        values = one_chunk(rows[name])
        if column.kind == "number":
            columns[name] = pc.fill_null(values, math.nan)
            continue
        several = int(pc.max(pc.list_value_length(values)).as_py() or 0) > 1
        if several and column.separator is None:
            raise InputError(
                expected=f"{items.setting}.columns.{name}.separator, which joins the categories of an item",
                received=f"lists with several categories in column {column.column!r} of {items.path}",
                remedy='set a separator that is in no category, like "|"',
            )
        texts = pc.binary_join(values, pa.scalar(column.separator or "", pa.large_string()))
        columns[name] = texts.cast(pa.string())
    return LookupTable(one_chunk(rows["id"]).cast(pa.string()), columns)


def describe_items(timelines: Timelines, table: LookupTable) -> tuple[Timelines, int]:
    """Return timelines with the columns of the table of items, and the interactions with an item that it lacks.

    Args:
        timelines: the timelines.
        table: the table of items.
    """
    columns, missing = table.look_up(timelines.item_ids)
    items = pa.array(timelines.items)
    further = {**timelines.further, **{name: column.take(items) for name, column in columns.items()}}
    return replace(timelines, further=further), int(missing[timelines.items].sum())

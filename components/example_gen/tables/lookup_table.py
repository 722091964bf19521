"""The values of the table of users by id."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.interactions.timelines import one_chunk, ranked
from schemas.config.tables import UsersTableConfig
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

"""What the table of items says about items, from the artifact of the component ItemTable."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from schemas.config.tables import PUBLISHED
from schemas.items import CATEGORY, ITEM_SETTINGS_FILE, ITEM_TABLE_FILE, LENGTH, NUMBER, ROLE, TEXT, VECTOR

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ItemContent:
    """Items by column, in the order of the bytes of their ids in UTF-8.

    Args:
        ids: str [items].
        texts: by name, str [items], "" if missing. `title` is the first one.
        categories: by name, the categories of each item, in the order of the table.
        numbers: by name, float64 [items], NaN if missing.
        published_s: float64 [items], seconds since 1970 or numbers of the unit `order`, NaN if missing; None if the
            table has no time of publication.
        vectors: by name, float32 [items, length], rows of NaN if missing.
    """

    ids: Texts
    texts: Mapping[str, Texts]
    categories: Mapping[str, list[list[str]]]
    numbers: Mapping[str, Numbers]
    published_s: Numbers | None
    vectors: Mapping[str, npt.NDArray[np.float32]]

    def published_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the times of publication of some rows, int64 [n], rounded down; 0 if missing.

        Args:
            rows: rows of the table, -1 for an item that it lacks.
        """
        if self.published_s is None:
            return np.zeros(len(rows), np.int64)
        times = np.append(np.nan_to_num(self.published_s), 0.0)  # row -1 is the last one
        return np.floor(times[rows]).astype(np.int64)


def read_items(folder: str, columns: Sequence[str] | None = None) -> ItemContent:
    """Read the items of a table, without its configuration.

    Args:
        folder: the artifact of the component ItemTable, on a file system that TensorFlow can read.
        columns: the columns to read in addition to the ids; None for all.

    Returns:
        The items.

    Example:
        ```python
        items = read_items(record["artifacts"]["items"])
        dict(zip(items.ids, items.texts["title"]))["50"]
        ```
    """
    with tf.io.gfile.GFile(f"{folder}/{ITEM_TABLE_FILE}", "rb") as file:
        names = None if columns is None else ["id", *columns]
        return to_item_content(pq.read_table(io.BytesIO(file.read()), columns=names))


def read_table_settings(folder: str) -> dict[str, Any]:
    """Return the settings that a table of items was read with, an `ItemTableConfig` as JSON can hold it.

    Args:
        folder: the artifact of the component ItemTable, on a file system that TensorFlow can read.
    """
    with tf.io.gfile.GFile(f"{folder}/{ITEM_SETTINGS_FILE}") as file:
        return dict(json.loads(file.read()))


def to_item_content(table: pa.Table) -> ItemContent:
    """Return the items of a table by column.

    Args:
        table: one row for each item, of `item_schema`.
    """
    fields = {field.name: field.metadata or {} for field in table.schema}
    of_role = {
        role: [name for name in fields if fields[name].get(ROLE) == role] for role in (TEXT, CATEGORY, NUMBER, VECTOR)
    }
    return ItemContent(
        ids=_texts(table["id"]),
        texts={name: _texts(table[name]) for name in of_role[TEXT]},
        categories={name: table[name].to_pylist() for name in of_role[CATEGORY]},
        numbers={name: _numbers(table[name]) for name in of_role[NUMBER]},
        published_s=_numbers(table[PUBLISHED]) if PUBLISHED in fields else None,
        vectors={name: _vectors(table[name], int(fields[name][LENGTH])) for name in of_role[VECTOR]},
    )


def _texts(column: pa.ChunkedArray) -> Texts:
    return np.array([value or "" for value in column.to_pylist()], dtype=object)


def _numbers(column: pa.ChunkedArray) -> Numbers:
    return np.asarray(column.to_numpy(), np.float64)  # null becomes NaN


def _vectors(column: pa.ChunkedArray, length: int) -> npt.NDArray[np.float32]:
    vectors = np.full((len(column), length), np.nan, np.float32)
    start = 0
    for chunk in column.chunks:
        present = chunk.is_valid().to_numpy(zero_copy_only=False)
        vectors[start : start + len(chunk)][present] = chunk.flatten().to_numpy().reshape(-1, length)
        start += len(chunk)
    return vectors

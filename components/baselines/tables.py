"""The files of the baselines' tables. Equal tables give equal bytes.

| file | holds |
| --- | --- |
| `items.parquet` | one row per item, by id: `item_id`, `interactions`, `users`, `recent`, and `feature.<name>` for each further column of items |
| `transitions_<d>.npz` | how often the column's item came d positions after the row's item, [items, items] |
| `neighbours.npz` | cosines of item-kNN, [items, items] |
| `sessions.npz` | the items of the most recent training sequences, newest first, [sessions, items] |

`scipy.sparse.load_npz` reads the matrices. Their rows and columns of items are the rows of `items.parquet`.
"""  # noqa: E501 - a row of a Markdown table is one line

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from scipy import sparse

from components.common.atomic_write import atomic_write
from trainer.baselines.constants import DISTANCES, ITEMS_FILE
from trainer.baselines.tables import Tables

_FEATURE = "feature."
_ALL_USERS = "all_users"


def write_tables(tables: Tables, folder: str, scratch: str) -> None:
    """Write the files.

    Args:
        tables: the counts.
        folder: the folder to write into.
        scratch: a folder for unfinished files, see `atomic_write`.
    """
    columns = {
        "item_id": tables.items,
        "interactions": tables.interactions,
        "users": tables.users,
        "recent": tables.recent,
        **{f"{_FEATURE}{name}": values for name, values in tables.features.items()},
    }
    items = pa.table({name: pa.array(values, _arrow_type(values)) for name, values in columns.items()})
    items = items.replace_schema_metadata({_ALL_USERS: str(tables.all_users)})
    _write(folder, ITEMS_FILE, scratch, partial(pq.write_table, items))
    for name, matrix in _matrices(tables).items():
        _write(folder, f"{name}.npz", scratch, partial(sparse.save_npz, matrix=matrix))


def read_catalogue(folder: str) -> npt.NDArray[np.object_]:
    """Return `Tables.items`, the ids of all items, without reading the other tables."""
    return np.asarray(pq.read_table(_open(folder, ITEMS_FILE), columns=["item_id"])["item_id"].to_numpy())


def read_tables(folder: str) -> Tables:
    """Return the tables that `write_tables` wrote into a folder."""
    items = pq.read_table(_open(folder, ITEMS_FILE))
    columns = {name: items.column(name).to_numpy() for name in items.column_names}

    def matrix(name: str) -> sparse.csr_matrix:
        return sparse.load_npz(_open(folder, f"{name}.npz"))

    return Tables(
        items=columns["item_id"],
        interactions=columns["interactions"],
        users=columns["users"],
        all_users=int(items.schema.metadata[_ALL_USERS.encode()]),
        recent=columns["recent"],
        features={name.removeprefix(_FEATURE): values for name, values in columns.items() if name.startswith(_FEATURE)},
        transitions=[matrix(f"transitions_{distance}") for distance in DISTANCES],
        neighbours=matrix("neighbours"),
        sessions=matrix("sessions"),
    )


def _matrices(tables: Tables) -> dict[str, sparse.csr_matrix]:
    transitions = {f"transitions_{d}": matrix for d, matrix in zip(DISTANCES, tables.transitions, strict=True)}
    return {**transitions, "neighbours": tables.neighbours, "sessions": tables.sessions}


def _arrow_type(values: npt.NDArray[Any]) -> pa.DataType:
    return pa.string() if values.dtype == np.object_ else pa.from_numpy_dtype(values.dtype)


def _write(folder: str, name: str, scratch: str, write: Callable[[io.BytesIO], Any]) -> None:
    content = io.BytesIO()
    write(content)
    with atomic_write(f"{folder}/{name}", scratch) as unfinished, tf.io.gfile.GFile(unfinished, "wb") as file:
        file.write(content.getvalue())


def _open(folder: str, name: str) -> io.BytesIO:
    with tf.io.gfile.GFile(f"{folder}/{name}", "rb") as file:
        return io.BytesIO(file.read())

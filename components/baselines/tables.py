"""The files of the baselines' tables. Equal tables give equal bytes.

| file | holds |
| --- | --- |
| `items.parquet` | one row per item, by id: `item_id`, `interactions`, `users`, `recent`, and `feature.<name>` for each further column of items |
| `transitions_<d>-<block>.npz` | how often the column's item came d positions after the row's item, [rows of the block, items] |
| `neighbours-<block>.npz` | cosines of item-kNN, [rows of the block, items] |
| `sessions-<part>.npz` | training sequences: `ends_s`, and `items` from `starts[i]` to `starts[i + 1]` for sequence i |

Workers write the blocks and parts, so none holds a whole table. `items.parquet` comes last.
"""  # noqa: E501 - a row of a Markdown table is one line

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from scipy import sparse

from components.baselines.batch_counts import NEIGHBOURS, TRANSITIONS, Block, BlockKey, assemble
from components.baselines.session_index import Session, from_arrays, sessions_matrix, to_arrays
from components.common.atomic_write import atomic_write
from trainer.baselines.constants import ITEMS_FILE
from trainer.baselines.tables import ItemCounts, Tables

_FEATURE = "feature."
_ALL_USERS, _LAST_TIME = "all_users", "last_time_s"
_SESSIONS = "sessions"
_PART = re.compile(r"(\w+)-(\d+)\.npz")


class CountedSplit(NamedTuple):
    """The extent of the split that was counted."""

    targets: int  # the training targets: every interaction except the first of each sequence
    last_time_s: int | None  # the time of the last target; None without targets


def write_items(counts: ItemCounts, folder: str, scratch: str, last_time_s: int | None = None) -> None:
    """Write `items.parquet`.

    Args:
        counts: its values.
        folder: the folder to write into.
        scratch: a folder for unfinished files, see `atomic_write`.
        last_time_s: see `CountedSplit`.
    """
    columns = {
        "item_id": counts.items,
        "interactions": counts.interactions,
        "users": counts.users,
        "recent": counts.recent,
        **{f"{_FEATURE}{name}": values for name, values in counts.features.items()},
    }
    items = pa.table({name: pa.array(values, _arrow_type(values)) for name, values in columns.items()})
    items = items.replace_schema_metadata({_ALL_USERS: str(counts.all_users), _LAST_TIME: json.dumps(last_time_s)})
    _write(folder, ITEMS_FILE, scratch, partial(pq.write_table, items))


def write_block(block: Block, folder: str, scratch: str) -> str:
    """Write a block of a table [items, items].

    Args:
        block: its key and its rows.
        folder: the folder to write into.
        scratch: a folder for unfinished files.

    Returns:
        The name of the file.
    """
    (name, number), matrix = block
    arrays = {
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "format": np.array(b"csr"),
        "shape": np.array(matrix.shape),
        "data": matrix.data,
    }  # those of scipy.sparse.load_npz
    return _write(folder, _part(name, number), scratch, partial(_write_npz, arrays=arrays))


def write_sessions(part: tuple[int, Sequence[Session]], folder: str, scratch: str) -> str:
    """Write a part of the sessions, in any order.

    Args:
        part: its number and its sessions.
        folder: the folder to write into.
        scratch: a folder for unfinished files.

    Returns:
        The name of the file.
    """
    number, sessions = part
    arrays = to_arrays(sorted(sessions))
    return _write(folder, _part(_SESSIONS, number), scratch, partial(_write_npz, arrays=arrays))


def read_catalogue(folder: str) -> npt.NDArray[np.object_]:
    """Return `Tables.items`, the ids of all items, without reading the other tables."""
    return np.asarray(pq.read_table(_open(folder, ITEMS_FILE), columns=["item_id"])["item_id"].to_numpy())


def read_counted_split(folder: str) -> CountedSplit:
    """Return the extent of the split that was counted.

    Args:
        folder: the folder of the tables.
    """
    items = pq.read_table(_open(folder, ITEMS_FILE), columns=["interactions"])
    targets = int(items["interactions"].to_numpy().sum())
    return CountedSplit(targets, json.loads(items.schema.metadata[_LAST_TIME.encode()]))


def read_item_counts(folder: str) -> ItemCounts:
    """Return the counts of each item, without reading the other tables."""
    items = pq.read_table(_open(folder, ITEMS_FILE))
    columns = {name: items.column(name).to_numpy() for name in items.column_names}
    return ItemCounts(
        items=columns["item_id"],
        interactions=columns["interactions"],
        users=columns["users"],
        all_users=int(items.schema.metadata[_ALL_USERS.encode()]),
        recent=columns["recent"],
        features={name.removeprefix(_FEATURE): values for name, values in columns.items() if name.startswith(_FEATURE)},
    )


def read_tables(folder: str) -> Tables:
    """Return the tables from all files of a folder."""
    counts = read_item_counts(folder)
    blocks, sessions = {}, []
    for (name, number), file in _parts(folder):
        if name == _SESSIONS:
            sessions += from_arrays(np.load(file))
        else:
            blocks[name, number] = sparse.load_npz(file)
    size = len(counts.items)
    return Tables(
        **vars(counts),
        transitions=[assemble(name, blocks, size, np.int32) for name in TRANSITIONS],
        neighbours=assemble(NEIGHBOURS, blocks, size, np.float64),
        sessions=sessions_matrix(sorted(sessions), size),
    )


def _parts(folder: str) -> Iterator[tuple[BlockKey, io.BytesIO]]:
    for name in sorted(tf.io.gfile.listdir(folder)):
        if found := _PART.fullmatch(name):
            yield (found[1], int(found[2])), _open(folder, name)


def _part(name: str, number: int) -> str:
    return f"{name}-{number:05}.npz"


def _arrow_type(values: npt.NDArray[Any]) -> pa.DataType:
    return pa.string() if values.dtype == np.object_ else pa.from_numpy_dtype(values.dtype)


def _write_npz(file: io.BytesIO, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as NumPy does, except that NumPy's compression takes several times as long for little less."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _write(folder: str, name: str, scratch: str, write: Callable[[io.BytesIO], Any]) -> str:
    content = io.BytesIO()
    write(content)
    with atomic_write(f"{folder}/{name}", scratch) as unfinished, tf.io.gfile.GFile(unfinished, "wb") as file:
        file.write(content.getvalue())
    return name


def _open(folder: str, name: str) -> io.BytesIO:
    with tf.io.gfile.GFile(f"{folder}/{name}", "rb") as file:
        return io.BytesIO(file.read())

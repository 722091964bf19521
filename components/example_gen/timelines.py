"""Timelines: each user's interactions in order of time, by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.interaction import interaction_schema

Indices = npt.NDArray[np.int64]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Timelines:
    """The interactions of some users. Interactions of a user at the same time are in the order of the log.

    Args:
        user_ids: [users], ascending.
        offsets: [users + 1]. The interactions of user i begin at `offsets[i]` and end before `offsets[i + 1]`.
        item_ids: [items], ascending.
        items: [interactions], indices of `item_ids`.
        timestamps_s: [interactions], ascending for each user.
        further: by name [interactions]: strings, "" if unknown, or float64 numbers, NaN if unknown.
    """

    user_ids: pa.Array
    offsets: Indices
    item_ids: pa.Array
    items: Indices
    timestamps_s: Seconds
    further: Mapping[str, pa.Array]

    @property
    def lengths(self) -> Indices:
        """The number of interactions of each user."""
        return np.diff(self.offsets)

    def with_users(self, keep: npt.NDArray[np.bool_]) -> Timelines:
        """Return the timelines of some users.

        Args:
            keep: [users].
        """
        if keep.all():
            return self
        rows = np.repeat(keep, self.lengths)
        return Timelines(
            self.user_ids.filter(pa.array(keep)),
            offsets_of(self.lengths[keep]),
            self.item_ids,
            self.items[rows],
            self.timestamps_s[rows],
            {name: column.filter(pa.array(rows)) for name, column in self.further.items()},
        )


def build_timelines(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Timelines:
    """Return the timelines of interactions in any order.

    Args:
        batches: all interactions of some users, of `interaction_schema`.
        schema: their schema.

    Returns:
        The timelines.
    """
    table = pa.Table.from_batches(list(batches), schema=schema)
    users, items, files = (ranked(table.column(name)) for name in ("user_id", "item_id", "file"))
    times, lines = (table.column(name).to_numpy() for name in ("timestamp_s", "line"))
    order = np.lexsort((lines, files[1], times, users[1]))
    rows = pa.array(order)
    further = schema.names[len(interaction_schema(())) :]
    return Timelines(
        user_ids=users[0],
        offsets=offsets_of(np.bincount(users[1], minlength=len(users[0]))),
        item_ids=items[0],
        items=items[1][order],
        timestamps_s=times[order],
        further={name: one_chunk(table.column(name)).take(rows) for name in further},
    )


def ranked(column: pa.ChunkedArray) -> tuple[pa.Array, Indices]:
    """Return the distinct values of a column of strings, ascending, and the index of each row's value."""
    encoded = one_chunk(column.dictionary_encode().unify_dictionaries())
    order = pc.array_sort_indices(encoded.dictionary)
    ranks = np.empty(len(order), np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    return encoded.dictionary.take(order), ranks[encoded.indices.to_numpy()]


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def offsets_of(lengths: Indices) -> Indices:
    """Return where lists of these lengths begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

"""Timelines: each user's interactions in order of time, by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.interactions.ragged import Ints, to_offsets
from schemas.interaction import NO_LINE, interaction_schema

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Timelines:
    """The interactions of some users. Interactions of a user at the same time are in the log's order, if it has one.

    Args:
        user_ids: [users], ascending.
        offsets: [users + 1]. The interactions of user i begin at `offsets[i]` and end before `offsets[i + 1]`.
        item_ids: [items], ascending.
        items: [interactions], indices of `item_ids`.
        timestamps_s: [interactions], ascending for each user.
        file_names: [files], ascending.
        files: [interactions], indices of `file_names`.
        further: by name [interactions]: strings, "" if unknown, or float64 numbers, NaN if unknown.
    """

    user_ids: pa.Array
    offsets: Ints
    item_ids: pa.Array
    items: Ints
    timestamps_s: Seconds
    file_names: pa.Array
    files: Ints
    further: Mapping[str, pa.Array]

    @property
    def lengths(self) -> Ints:
        """The number of interactions of each user."""
        return np.diff(self.offsets)

    @cached_property
    def users(self) -> Ints:
        """The index of each interaction's user."""
        return np.repeat(np.arange(len(self.user_ids)), self.lengths)

    @cached_property
    def pairs(self) -> Ints:
        """A number for the user and item of each interaction."""
        return self.users * len(self.item_ids) + self.items

    def of_items(self, item_ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Return whether each interaction is with one of some items.

        Args:
            item_ids: strings.
        """
        found = pc.is_in(self.item_ids, value_set=item_ids)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)[self.items]

    def with_interactions(self, keep: npt.NDArray[np.bool_]) -> Timelines:
        """Return the timelines without some interactions. A user without any is left out.

        Args:
            keep: [interactions].
        """
        if keep.all():
            return self
        lengths = np.bincount(self.users[keep], minlength=len(self.user_ids))
        return Timelines(
            self.user_ids.filter(pa.array(lengths > 0)),
            to_offsets(lengths[lengths > 0]),
            self.item_ids,
            self.items[keep],
            self.timestamps_s[keep],
            self.file_names,
            self.files[keep],
            {name: column.filter(pa.array(keep)) for name, column in self.further.items()},
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
    further = schema.names[len(interaction_schema(())) :]
    # The rows of a table have no lines. Then what they contain decides which of two at the same time is first.
    unordered = len(lines) > 0 and lines.min() == NO_LINE
    content = [_ranks(table.column(name)) for name in reversed(further)] + [items[1]] if unordered else []
    order = np.lexsort((*content, lines, files[1], times, users[1]))
    rows = pa.array(order)
    return Timelines(
        user_ids=users[0],
        offsets=to_offsets(np.bincount(users[1], minlength=len(users[0]))),
        item_ids=items[0],
        items=items[1][order],
        timestamps_s=times[order],
        file_names=files[0],
        files=files[1][order],
        further={name: one_chunk(table.column(name)).take(rows) for name in further},
    )


def _ranks(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return ranked(column)[1] if column.type == pa.string() else column.to_numpy()


def to_rows(timelines: Timelines) -> pa.RecordBatch:
    """Return the interactions of timelines as rows, from which `build_timelines` makes the same timelines.

    Args:
        timelines: the interactions. Their lines are no longer known: the lines of the rows are their order.
    """
    count = len(timelines.items)
    columns = [
        timelines.user_ids.take(pa.array(timelines.users)),
        timelines.item_ids.take(pa.array(timelines.items)),
        pa.array(timelines.timestamps_s),
        timelines.file_names.take(pa.array(timelines.files)),
        pa.array(np.arange(count)),
        *timelines.further.values(),
    ]
    names = [*interaction_schema(()).names, *timelines.further]
    types = zip(names, columns, strict=True)
    schema = pa.schema([pa.field(name, column.type, nullable=False) for name, column in types])
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def ranked(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Return the distinct values of a column of strings, ascending, and the index of each row's value."""
    encoded = one_chunk(column.dictionary_encode().unify_dictionaries())
    order = pc.array_sort_indices(encoded.dictionary)
    ranks = np.empty(len(order), np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    return encoded.dictionary.take(order), ranks[encoded.indices.to_numpy()]


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)

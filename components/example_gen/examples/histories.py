"""Examples as columns: a user's history and the interactions that followed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pyarrow as pa

from components.example_gen.examples.splits import Examples
from components.example_gen.interactions.ragged import Ints, distinct_in_order, excluded, ragged_indices
from components.example_gen.interactions.timelines import Timelines
from schemas import features

BATCH_INTERACTIONS = 1_000_000  # of the histories of a batch, and of what was seen before them


def history_batches(
    timelines: Timelines,
    split: str,
    examples: Examples,
    train_interactions: Ints,
    of_user: Mapping[str, pa.Array],
) -> Iterator[pa.RecordBatch]:
    """Yield the examples of a split as columns, in their order.

    Args:
        timelines: the interactions.
        split: the name of the split.
        examples: indices of users and interactions.
        train_interactions: [users].
        of_user: the values of the table of users by feature, each [users].

    Yields:
        Record batches with a list column for each feature of `schemas.features`, bounded by `BATCH_INTERACTIONS`.
    """
    sizes = np.cumsum(examples.first - examples.begin)
    cuts = np.flatnonzero(np.diff(sizes // BATCH_INTERACTIONS, prepend=-1, append=-1)).tolist()
    for start, end in pairwise(cuts):
        part = Examples(*(column[start:end] for column in examples))
        columns = {
            **_history_columns(timelines, part),
            **_target_columns(timelines, part),
            **{name: _scalars(values.take(pa.array(part.user))) for name, values in of_user.items()},
            features.USER_ID: _scalars(timelines.user_ids.take(pa.array(part.user))),
            features.SPLIT: _scalars(pa.array([split]).take(pa.array(np.zeros(len(part.user), np.int64)))),
            features.TRAIN_INTERACTIONS: _scalars(pa.array(train_interactions[part.user])),
        }
        yield pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _history_columns(timelines: Timelines, examples: Examples) -> dict[str, pa.Array]:
    indices, offsets = ragged_indices(examples.start, examples.first)
    older, older_offsets = excluded(timelines.items, examples.begin, examples.start, examples.first)
    return {
        features.ITEM_IDS: _lists(timelines.item_ids.take(pa.array(timelines.items[indices])), offsets),
        features.TIMESTAMPS_S: _lists(pa.array(timelines.timestamps_s[indices].astype(np.int64)), offsets),
        features.EXCLUDE_IDS: _lists(timelines.item_ids.take(pa.array(older)), older_offsets),
        **{name: _lists(column.take(pa.array(indices)), offsets) for name, column in timelines.further.items()},
    }


def _target_columns(timelines: Timelines, examples: Examples) -> dict[str, pa.Array]:
    indices, offsets = ragged_indices(examples.first, examples.end)
    kept, kept_offsets = distinct_in_order(timelines.items[indices], offsets)
    first = pa.array(examples.first)
    return {
        features.TARGET_ID: _scalars(timelines.item_ids.take(pa.array(timelines.items[examples.first]))),
        features.TARGET_TIMESTAMP_S: _scalars(pa.array(timelines.timestamps_s[examples.first].astype(np.int64))),
        features.TARGET_IDS: _lists(timelines.item_ids.take(pa.array(timelines.items[indices[kept]])), kept_offsets),
        **{features.target_key(name): _scalars(column.take(first)) for name, column in timelines.further.items()},
    }


def _lists(values: pa.Array, offsets: Ints) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(offsets), values)


def _scalars(values: pa.Array) -> pa.LargeListArray:
    """Return lists of one value."""
    return _lists(values, np.arange(len(values) + 1))

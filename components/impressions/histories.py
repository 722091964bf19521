"""Histories of impressions: from their own log, or from the examples of the users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.example_batches import list_files, parse_examples, read_example_batches, split_pattern
from schemas.impression import QUERIED_IMPRESSION
from trainer.data.impressions import list_lengths


class UserHistory(NamedTuple):
    """What a user did before the span of a split."""

    item_ids: list[str]  # oldest first
    timestamps_s: list[int]


NO_HISTORY = UserHistory([], [])


def read_span_histories(examples: str, split: str) -> dict[str, UserHistory]:
    """Return the history of each user with an example of validation or test.

    Under the split `temporal` a user has at most one of each. Its history ends before the span of the split, so that it
    holds no click of an impression of the span.

    Args:
        examples: the folder of the examples.
        split: `eval` or `test`.

    Returns:
        Histories by user.
    """
    found: dict[str, UserHistory] = {}
    for batch in read_example_batches(list_files(split_pattern(examples, split))):
        columns = parse_examples(batch)
        ids = np.array([item.decode() for item in columns.ids], np.object_)
        for user, start, end in zip(columns.user_ids, columns.starts[:-1], columns.starts[1:] - 1, strict=True):
            items = ids[columns.items[start:end]].tolist()
            found[user.decode()] = UserHistory(items, columns.timestamps_s[start:end].tolist())
    return found


def with_history_times(impressions: pa.RecordBatch) -> pa.RecordBatch:
    """Return impressions with the history of their own log, whose times are unknown.

    Args:
        impressions: rows of `IMPRESSION`.

    Returns:
        The same rows of `QUERIED_IMPRESSION`.
    """
    history = impressions.column("history")
    lengths = list_lengths(history)
    return _queried(impressions, history, _lists(lengths, pa.array(np.zeros(int(lengths.sum()), np.int64))))


def with_user_histories(impressions: pa.RecordBatch, histories: Mapping[str, UserHistory]) -> pa.RecordBatch:
    """Return impressions with the histories of their users.

    Args:
        impressions: rows of `IMPRESSION`.
        histories: histories by user; a user without one has an empty history.

    Returns:
        The same rows of `QUERIED_IMPRESSION`.
    """
    found = [histories.get(user, NO_HISTORY) for user in impressions.column("user_id").to_pylist()]
    lengths = np.array([len(history.item_ids) for history in found], np.int64)
    items = pa.array([item for history in found for item in history.item_ids], pa.string())
    times = pa.array([time for history in found for time in history.timestamps_s], pa.int64())
    return _queried(impressions, _lists(lengths, items), _lists(lengths, times))


def _lists(lengths: npt.NDArray[np.int64], values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()), values)


def _queried(impressions: pa.RecordBatch, history: pa.Array, times: pa.Array) -> pa.RecordBatch:
    columns = {"history": history, "history_times_s": times}
    return pa.RecordBatch.from_arrays(
        [columns[name] if name in columns else impressions.column(name) for name in QUERIED_IMPRESSION.names],
        schema=QUERIED_IMPRESSION,
    )

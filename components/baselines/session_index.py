"""The training sequences that the baseline session_knn searches: the most recent ones of each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from trainer.baselines import constants

# The negative end in seconds, and the indices of the distinct items, ascending, as `_INDEX` bytes.
# Sorted sessions are therefore the most recent first.
Session = tuple[int, bytes]
ItemEnds = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # items, and the end in seconds of a session with each

_INDEX = ">i4"  # big-endian, so that bytes have the order of the integers


def session(end_s: int, items: npt.NDArray[Any]) -> Session:
    """Return a training sequence as a session.

    Args:
        end_s: the time of its last interaction, in seconds.
        items: the indices of its distinct items, ascending.

    Returns:
        The session; more recent ones are lower.
    """
    return -end_s, items.astype(_INDEX).tobytes()


def latest_ends(parts: Sequence[ItemEnds]) -> ItemEnds:
    """Return the `constants.RECENT_SESSIONS` latest ends of each item.

    Args:
        parts: any number of items with ends.

    Returns:
        Items and ends, in any order.
    """
    items, ends_s = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    many = _counts(items) > constants.RECENT_SESSIONS  # few items or none, so that little is sorted
    some_items, some_ends_s = _latest_first(items[many], ends_s[many])
    kept = np.arange(len(some_items)) - np.searchsorted(some_items, some_items) < constants.RECENT_SESSIONS
    return np.concatenate([items[~many], some_items[kept]]), np.concatenate([ends_s[~many], some_ends_s[kept]])


def earliest_ends(latest: Sequence[ItemEnds], item_count: int) -> npt.NDArray[np.int64]:
    """Return the earliest of the latest ends of each item that has as many as are kept.

    Args:
        latest: results of `latest_ends` for different items.
        item_count: the number of items.

    Returns:
        int64 [item_count], in seconds; the lowest integer for an item with fewer sessions.
    """
    earliest = np.full(item_count, np.iinfo(np.int64).min)
    for items, ends_s in latest:
        many = _counts(items) == constants.RECENT_SESSIONS
        some_items, some_ends_s = _latest_first(items[many], ends_s[many])
        earliest[some_items] = some_ends_s  # of an item that is there more than once, the last value stays
    return earliest


def _counts(items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each element how often its value occurs."""
    first = items.min() if len(items) else 0
    return np.bincount(items - first)[items - first]


def _latest_first(items: npt.NDArray[np.int64], ends_s: npt.NDArray[np.int64]) -> ItemEnds:
    """Return the ends in the order of items, and of each item the latest first."""
    order = np.lexsort((-ends_s, items))
    return items[order], ends_s[order]


def recent_sessions(sessions: Sequence[Session], earliest: npt.NDArray[np.int64]) -> list[Session]:
    """Return the sessions that end no sooner than required for at least one of their items.

    Args:
        sessions: any sessions.
        earliest: from `earliest_ends`.

    Returns:
        Those sessions. Of sessions that end in the same second, all or none are kept for an item.
    """
    arrays = to_arrays(sessions)
    ends_s = np.repeat(arrays["ends_s"], np.diff(arrays["starts"]))
    is_recent = np.logical_or.reduceat(ends_s >= earliest[arrays["items"]], arrays["starts"][:-1])
    return [each for each, kept in zip(sessions, is_recent, strict=True) if kept]


def sessions_matrix(sessions: Sequence[Session], item_count: int) -> sparse.csr_matrix:
    """Return the sessions as a matrix.

    Args:
        sessions: the rows.
        item_count: the number of columns.

    Returns:
        int8 [sessions, item_count], 1 for the items that a session holds.
    """
    arrays = to_arrays(sessions)
    ones = np.ones(len(arrays["items"]), np.int8)
    return sparse.csr_matrix((ones, arrays["items"], arrays["starts"]), (len(sessions), item_count))


def to_arrays(sessions: Sequence[Session]) -> dict[str, npt.NDArray[Any]]:
    """Return the sessions as arrays.

    Args:
        sessions: n sessions.

    Returns:
        `ends_s`, int64 [n]; `items`, int32; `starts`, int64 [n + 1]: the place of each session's first item in
        `items`, and the number of all.
    """
    lengths = np.array([len(each) for _, each in sessions], np.int64) // np.dtype(_INDEX).itemsize
    return {
        "ends_s": np.array([-negative for negative, _ in sessions], np.int64),
        "items": np.frombuffer(b"".join(each for _, each in sessions), _INDEX).astype(np.int32),
        "starts": np.concatenate([[0], np.cumsum(lengths)]),
    }


def from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> list[Session]:
    """Return the sessions of `to_arrays`.

    Args:
        arrays: its result.
    """
    packed = np.split(arrays["items"], arrays["starts"][1:-1])
    return [session(end_s, items) for end_s, items in zip(arrays["ends_s"].tolist(), packed, strict=True)]

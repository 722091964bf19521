"""The training sequences that the baseline session_knn searches: the most recent ones of each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from trainer.baselines import constants

# The negative end in seconds, and the indices of the distinct items, ascending, as `_INDEX` bytes.
# Sorted sessions are therefore the most recent first.
Session = tuple[int, bytes]

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


def merge_sessions(parts: Sequence[list[Session]]) -> list[Session]:
    """Return the most recent sessions of every item.

    A session that one merge leaves out would be left out by any later one, so
    the order of merges does not change the result.

    Args:
        parts: any number of lists.

    Returns:
        The sessions that are among the `constants.RECENT_SESSIONS` most recent ones of at least one of their
        items. The most recent session comes first; sessions with the same end have a fixed order.
    """
    limit = constants.RECENT_SESSIONS
    sessions = sorted(each for part in parts for each in part)
    if len(sessions) <= limit:
        return sessions
    items, ends = _concatenate(sessions)
    session_indices = np.repeat(np.arange(len(sessions)), np.diff(ends))
    order = np.argsort(items, kind="stable")
    sorted_items = items[order]
    recent = np.arange(len(order)) - np.searchsorted(sorted_items, sorted_items) < limit
    return [sessions[index] for index in np.unique(session_indices[order][recent])]


def sessions_matrix(sessions: Sequence[Session], item_count: int) -> sparse.csr_matrix:
    """Return the sessions as a matrix.

    Args:
        sessions: the rows.
        item_count: the number of columns.

    Returns:
        int8 [sessions, item_count], 1 for the items that a session holds.
    """
    columns, ends = _concatenate(sessions)
    return sparse.csr_matrix((np.ones(len(columns), np.int8), columns, ends), (len(sessions), item_count))


def _concatenate(sessions: Sequence[Session]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the item indices of all sessions in one array, and the start of each session and the end of the last."""
    items = np.frombuffer(b"".join(each for _, each in sessions), _INDEX).astype(np.int32)
    lengths = np.array([len(each) for _, each in sessions], np.int64) // np.dtype(_INDEX).itemsize
    return items, np.concatenate([[0], np.cumsum(lengths)])

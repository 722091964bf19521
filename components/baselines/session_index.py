"""The training sequences that session_knn looks into: the most recent ones of each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from trainer.baselines.recommenders import RECENT_SESSIONS

Session = tuple[int, bytes]  # its end, negative: seconds; its distinct item numbers, ascending, in `_NUMBER`

_NUMBER = ">i4"  # big-endian, so that bytes are in the order of the numbers


def session(end_s: int, items: npt.NDArray[Any]) -> Session:
    """A sequence's distinct items, ascending; recent sequences come first in order."""
    return -end_s, items.astype(_NUMBER).tobytes()


def merge_sessions(parts: Sequence[list[Session]]) -> list[Session]:
    """The most recent `RECENT_SESSIONS` of every item, the most recent first, of equally recent ones in a fixed order.

    What is left out in one merge would be in any later one, so the order of merging does not matter.
    """
    sessions = sorted(each for part in parts for each in part)
    if len(sessions) <= RECENT_SESSIONS:
        return sessions
    items, ends = _joined(sessions)
    places = np.repeat(np.arange(len(sessions)), np.diff(ends))
    order = np.argsort(items, kind="stable")
    of_item = items[order]
    first = np.arange(len(order)) - np.searchsorted(of_item, of_item) < RECENT_SESSIONS
    return [sessions[place] for place in np.unique(places[order][first])]


def sessions_matrix(sessions: Sequence[Session], items: int) -> sparse.csr_matrix:
    """A row a session, 1 for the items that it holds, int8 [sessions, items]."""
    columns, ends = _joined(sessions)
    return sparse.csr_matrix((np.ones(len(columns), np.int8), columns, ends), (len(sessions), items))


def _joined(sessions: Sequence[Session]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Their item numbers on end, and where each session begins and the last one ends."""
    items = np.frombuffer(b"".join(each for _, each in sessions), _NUMBER).astype(np.int32)
    lengths = np.array([len(each) for _, each in sessions], np.int64) // np.dtype(_NUMBER).itemsize
    return items, np.concatenate([[0], np.cumsum(lengths)])

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.baselines.session_index import (
    ItemEnds,
    Session,
    earliest_ends,
    from_arrays,
    latest_ends,
    recent_sessions,
    session,
    sessions_matrix,
    to_arrays,
)
from trainer.baselines import constants

ITEMS, COUNT = (0, 1, 2, 3, 256, 70_000), 70_001
SESSIONS = st.lists(
    st.builds(
        lambda end_s, items: session(end_s, np.array(sorted(items))),
        st.integers(0, 20),
        st.sets(st.sampled_from(ITEMS), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=30,
)


def items(sessions: list[Session]) -> list[list[int]]:
    matrix = sessions_matrix(sessions, COUNT)
    return [matrix[row].indices.tolist() for row in range(len(sessions))]


def item_ends(sessions: list[Session]) -> ItemEnds:
    pairs = [(item, -end) for (end, _), held in zip(sessions, items(sessions), strict=True) for item in held]
    return np.array([item for item, _ in pairs], np.int64), np.array([end_s for _, end_s in pairs], np.int64)


def test_sorted_sessions_are_in_the_order_of_recency_then_of_items() -> None:
    found = [session(end_s, np.array(items)) for end_s, items in ((5, [2, 3]), (9, [256]), (5, [2]), (9, [3]))]
    assert items(sorted(found)) == [[3], [256], [2], [2, 3]]


@given(SESSIONS, st.integers(1, 4), st.integers(0, 30))
def test_kept_sessions_are_as_late_as_the_latest_of_one_of_their_items(
    sessions: list[Session], most: int, cut: int
) -> None:
    kept = []
    for each, held in zip(sessions, items(sessions), strict=True):
        later = [
            sum(end < each[0] for (end, _), others in zip(sessions, items(sessions), strict=True) if item in others)
            for item in held
        ]
        if min(later) < most:  # fewer than `most` sessions of one of the items are later
            kept.append(each)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(constants, "RECENT_SESSIONS", most)
        whole = latest_ends([item_ends(sessions)])
        in_parts = latest_ends([latest_ends([item_ends(part)]) for part in (sessions[cut:], sessions[:cut])])
        found = recent_sessions(sessions, earliest_ends([whole], COUNT))
    assert found == kept
    pairs = [sorted(zip(*(part.tolist() for part in latest), strict=True)) for latest in (whole, in_parts)]
    assert pairs[0] == pairs[1]
    assert max(Counter(item for item, _ in pairs[0]).values()) <= most


@given(SESSIONS)
def test_sessions_as_arrays_and_back_are_equal(sessions: list[Session]) -> None:
    assert from_arrays(to_arrays(sessions)) == sessions

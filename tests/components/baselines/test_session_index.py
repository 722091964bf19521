import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.baselines.session_index import Session, merge_sessions, session, sessions_matrix
from trainer.baselines import constants

ITEMS = (0, 1, 2, 3, 256, 70_000)
SESSIONS = st.lists(
    st.builds(
        lambda end_s, items: session(end_s, np.array(sorted(items))),
        st.integers(0, 20),
        st.sets(st.sampled_from(ITEMS), min_size=1, max_size=3),
    ),
    max_size=30,
)


def items(sessions: list[Session]) -> list[list[int]]:
    matrix = sessions_matrix(sessions, 70_001)
    return [matrix[row].indices.tolist() for row in range(len(sessions))]


def test_merged_sessions_are_ordered_by_recency_then_by_items() -> None:
    found = [session(end_s, np.array(items)) for end_s, items in ((5, [2, 3]), (9, [256]), (5, [2]), (9, [3]))]
    assert items(merge_sessions([found[:1], found[1:]])) == [[3], [256], [2], [2, 3]]


@given(SESSIONS, st.integers(1, 4), st.integers(0, 30))
def test_merged_sessions_in_any_order_are_the_most_recent_of_every_item(
    sessions: list[Session], most: int, cut: int
) -> None:
    newest_first = sorted(sessions)
    kept = set()
    for item in ITEMS:
        holding = [each for each, held in zip(newest_first, items(newest_first), strict=True) if item in held]
        kept.update(holding[:most])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(constants, "RECENT_SESSIONS", most)
        whole = merge_sessions([sessions])
        in_parts = merge_sessions([merge_sessions([sessions[cut:]]), merge_sessions([sessions[:cut]])])
    assert set(whole) == kept
    assert whole == sorted(whole)
    assert in_parts == whole

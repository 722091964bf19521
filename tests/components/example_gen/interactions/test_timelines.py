from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.interactions.timelines import Timelines, build_timelines
from schemas.interaction import interaction_schema
from tests.components.logs import interactions

Rows = list[tuple[str, str, float]]
ROWS = st.lists(st.tuples(st.sampled_from("xyzé"), st.sampled_from("abcde"), st.integers(0, 9)), max_size=30)


def timelines(*batches: pa.RecordBatch) -> Timelines:
    return build_timelines(batches, interaction_schema([]))


def by_user(found: Timelines) -> dict[str, list[tuple[str, float]]]:
    """Return the items and times of each user."""
    assert found.item_ids.to_pylist() == sorted(set(found.item_ids.to_pylist()))
    items = found.item_ids.take(pa.array(found.items)).to_pylist()
    pairs = list(zip(items, found.timestamps_s.tolist(), strict=True))
    ends = found.offsets.tolist()
    return {
        user: pairs[start:end] for user, start, end in zip(found.user_ids.to_pylist(), ends[:-1], ends[1:], strict=True)
    }


def test_build_timelines_orders_equal_times_by_file_and_line() -> None:
    found = timelines(
        interactions([("u", "e", 5), ("v", "x", 9), ("u", "f", 4)], file="b.csv", first_line=9),
        interactions([("u", "c", 5), ("u", "d", 5)], file="a.csv"),
        interactions([("u", "g", 5)], file="c.csv"),
    )

    assert by_user(found) == {"u": [("f", 4), ("c", 5), ("d", 5), ("e", 5), ("g", 5)], "v": [("x", 9)]}


def test_build_timelines_orders_lines_as_numbers() -> None:
    later, earlier = interactions([("u", "i3", 5)], first_line=10), interactions([("u", "i2", 5)], first_line=9)

    assert by_user(timelines(later, earlier)) == {"u": [("i2", 5), ("i3", 5)]}


@given(rows=ROWS, cut=st.integers(0, 30), kept=st.sets(st.sampled_from("abcde")))
def test_timelines_are_the_sorted_rows_of_each_user(rows: Rows, cut: int, kept: set[str]) -> None:
    found = timelines(interactions(rows[:cut], first_line=2), interactions(rows[cut:], first_line=2 + cut))
    expected = {
        user: [(item, time) for _, item, time in sorted((r for r in rows if r[0] == user), key=lambda r: r[2])]
        for user in sorted({user for user, _, _ in rows}, key=lambda user: user.encode())
    }

    assert by_user(found) == expected
    assert list(by_user(found)) == list(expected)
    assert found.lengths.tolist() == [len(pairs) for pairs in expected.values()]
    rest = found.with_interactions(found.of_items(pa.array(sorted(kept), pa.string())))
    some = {user: [pair for pair in pairs if pair[0] in kept] for user, pairs in expected.items()}
    assert by_user(rest) == {user: pairs for user, pairs in some.items() if pairs}

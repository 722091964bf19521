from collections import Counter
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from components.example_gen.timelines import BuildTimelines, Timeline
from tests.components.logs import data, interactions, local_pipeline

Rows = list[tuple[str, str, float]]


def check(batches: list[pa.RecordBatch], timelines: list[Timeline], dropped: Counter[str], **minimums: Any) -> None:
    """Check the output of `BuildTimelines`."""
    with local_pipeline() as pipeline:
        built = pipeline | beam.Create(batches) | BuildTimelines(data(**minimums))
        assert_that(built["timelines"], equal_to(timelines), label="Timelines")
        total = built["dropped"] | beam.CombineGlobally(lambda counters: sum(counters, Counter()))
        assert_that(total, equal_to([dropped]), label="Dropped")


def test_build_timelines_orders_equal_times_by_file_and_line() -> None:
    one_file = interactions([("u", "e", 5), ("v", "x", 9), ("u", "f", 4)], file="b.csv", first_line=9)
    two_files = [
        interactions([("u", "c", 5), ("u", "d", 5)], file="a.csv"),
        interactions([("u", "g", 5)], file="c.csv"),
    ]
    mixed = pa.Table.from_batches(two_files).combine_chunks().to_batches()

    check(
        [one_file, *mixed],
        [Timeline("u", ["f", "c", "d", "e", "g"], [4, 5, 5, 5, 5], {}), Timeline("v", ["x"], [9], {})],
        Counter(),
    )


def test_build_timelines_orders_lines_as_numbers() -> None:
    rows: Rows = [("u", f"i{line}", 5) for line in (2, 3)]

    check(
        [interactions(rows[1:], first_line=10), interactions(rows[:1], first_line=9)],
        [Timeline("u", ["i2", "i3"], [5, 5], {})],
        Counter(),
    )


def test_build_timelines_drops_rare_items_first_then_users_each_once() -> None:
    rows: Rows = [
        ("u1", "a", 1),
        ("u1", "b", 2),
        ("u2", "a", 3),
        ("u2", "rare", 4),
        ("u3", "b", 5),
        ("u3", "a", 6),
        ("u3", "b", 7),
    ]

    check(
        [interactions(rows[:3]), interactions(rows[3:])],
        # Without its rare item, u2 has too few interactions. Then item a has too few, but items are not counted again.
        [Timeline("u1", ["a", "b"], [1, 2], {}), Timeline("u3", ["b", "a", "b"], [5, 6, 7], {})],
        Counter(below_item_minimum=1, below_user_minimum=1),
        min_item_interactions=3,
        min_user_interactions=2,
    )


@settings(max_examples=6)
@given(
    rows=st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcde"), st.integers(0, 9)), max_size=30),
    cut=st.integers(0, 30),
)
def test_build_timelines_keeps_or_counts_every_interaction(rows: Rows, cut: int) -> None:
    items = Counter(item for _, item, _ in rows)
    frequent = [row for row in rows if items[row[1]] >= 3]
    users = Counter(user for user, _, _ in frequent)
    kept = [row for row in frequent if users[row[0]] >= 4]
    expected = {user: sorted((r for r in kept if r[0] == user), key=lambda r: r[2]) for user, _, _ in kept}

    check(
        [interactions(rows[:cut], first_line=2), interactions(rows[cut:], first_line=2 + cut)],
        [Timeline(user, [r[1] for r in found], [r[2] for r in found], {}) for user, found in expected.items()],
        +Counter(below_item_minimum=len(rows) - len(frequent), below_user_minimum=len(frequent) - len(kept)),
        min_item_interactions=3,
        min_user_interactions=4,
    )

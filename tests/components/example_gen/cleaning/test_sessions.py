from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.cleaning.sessions import take_sessions
from components.example_gen.examples.splits import split_timelines
from components.example_gen.interactions.timelines import Timelines
from schemas.features import SESSION
from tests.components.protocols import LEAVE_ONE_OUT, session, timelines

Rows = list[tuple[str, str]]  # user and session, in the order of time
ROWS = st.lists(st.tuples(st.sampled_from("uv"), st.sampled_from("xyz")), max_size=20)
CUTS = (5.0, 12.0)


def with_sessions(rows: Rows) -> Timelines:
    """Return timelines of rows; the time of a row is its index, and its item `i<index>`."""
    found = timelines([(user, f"i{index}", float(index)) for index, (user, _) in enumerate(rows)])
    names = [rows[int(time)][1] for time in found.timestamps_s]
    return replace(found, further={SESSION: pa.array(names, pa.string())})


def expected_sessions(rows: Rows) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        found[row].append(index)
    return found


@given(rows=ROWS)
def test_sessions_are_the_rows_of_a_user_with_one_id_in_the_order_of_their_first(rows: Rows) -> None:
    ordered, numbers = take_sessions(with_sessions(rows), session(None))

    assert numbers is not None
    groups: dict[int, list[int]] = defaultdict(list)
    for number, time in zip(numbers.tolist(), ordered.timestamps_s.tolist(), strict=True):
        groups[number].append(int(time))
    by_user = sorted(expected_sessions(rows).items(), key=lambda group: (group[0][0], group[1][0]))
    assert list(groups.values()) == [times for _, times in by_user]
    items = ordered.item_ids.take(pa.array(ordered.items)).to_pylist()
    assert items == [f"i{int(time)}" for time in ordered.timestamps_s]
    assert SESSION not in ordered.further


@given(rows=ROWS)
def test_session_split_predicts_each_step_of_a_later_session_from_the_steps_before(rows: Rows) -> None:
    ordered, numbers = take_sessions(with_sessions(rows), session(None))
    times = ordered.timestamps_s

    found = split_timelines(times, ordered.offsets, session(None), CUTS, 50, numbers).examples

    sessions = expected_sessions(rows).values()
    for name, start, end in (("eval", *CUTS), ("test", CUTS[1], 99.0)):
        examples = found[name]
        histories = [times[first:last].tolist() for first, last in zip(examples.start, examples.first, strict=True)]
        steps = [(group[:n], group[n]) for group in sessions if start <= group[0] < end for n in range(1, len(group))]
        assert sorted(zip(histories, times[examples.first].tolist(), strict=True)) == sorted(steps)


def test_split_without_sessions_keeps_the_order_of_time() -> None:
    rows: Rows = [("u", "x"), ("u", "y"), ("u", "x")]

    rest, numbers = take_sessions(with_sessions(rows), LEAVE_ONE_OUT)

    assert numbers is None
    assert rest.timestamps_s.tolist() == [0, 1, 2]
    assert not rest.further

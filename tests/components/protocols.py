"""Timelines and protocols for the tests of this folder; item `i7` is the interaction with index 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from components.example_gen.examples.example_encoder import encode_examples
from components.example_gen.examples.histories import history_batches
from components.example_gen.examples.splits import SplitTimes, split_timelines
from components.example_gen.interactions.timelines import Timelines, build_timelines
from schemas.config import LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TemporalSplitConfig
from schemas.interaction import interaction_schema
from tests.components.history_example import HistoryExample, from_example
from tests.components.logs import interactions

LEAVE_ONE_OUT = LeaveOneOutConfig()
NEXT = TemporalSplitConfig(kind="temporal")
ALL = TemporalSplitConfig(kind="temporal", targets="all")


class Protocol(NamedTuple):
    """A split, and its split times in unix seconds."""

    split: SplitConfig
    split_times_s: SplitTimes | None


def session(gap_s: float | None) -> SessionSplitConfig:
    return SessionSplitConfig(kind="session", gap_s=gap_s)


TIMES = st.lists(st.integers(0, 20).map(float), max_size=15).map(sorted)
CUTS = st.tuples(st.integers(0, 20), st.integers(1, 10)).map(lambda c: (float(c[0]), float(c[0] + c[1])))
SESSION_SPLITS = st.none() | st.integers(1, 5).map(float)
LENGTHS = st.integers(1, 6)
TEMPORAL = st.builds(Protocol, st.sampled_from([NEXT, ALL]), CUTS)
SESSION = st.builds(Protocol, SESSION_SPLITS.map(session), CUTS)
PROTOCOLS = st.just(Protocol(LEAVE_ONE_OUT, None)) | TEMPORAL | SESSION


def item_index(item_id: str) -> int:
    return int(item_id.removeprefix("i"))


def timelines(rows: Sequence[tuple[str, str, float]]) -> Timelines:
    """Return the timelines of rows of (user, item, time)."""
    return build_timelines([interactions(list(rows))], interaction_schema([]))


def build(times: Sequence[float], protocol: Protocol, max_length: int = 50) -> list[HistoryExample]:
    """Return the examples of a user with items `i0`, `i1` and so on, those of training first."""
    return build_all(timelines([("u", f"i{index}", time) for index, time in enumerate(times)]), protocol, max_length)


def build_all(users: Timelines, protocol: Protocol, max_length: int) -> list[HistoryExample]:
    """Return the examples of some users, by split, user and time."""
    found = split_timelines(users.timestamps_s, users.offsets, *protocol, max_length)
    return [
        from_example(example)
        for split, examples in found.examples.items()
        for batch in history_batches(users, split, examples, found.train_interactions, {})
        for example in encode_examples(batch).to_pylist()
    ]

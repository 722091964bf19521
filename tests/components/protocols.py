"""Timelines and protocols for the tests of this folder; item `i7` is the interaction with index 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from components.example_gen.histories import HistoryExample, histories
from components.example_gen.splits import SplitTimes, split_history
from components.example_gen.timelines import Timeline
from schemas.config import LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TemporalSplitConfig

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


def timeline(times: Sequence[float]) -> Timeline:
    return Timeline("u", [f"i{index}" for index in range(len(times))], list(times), {})


def item_index(item_id: str) -> int:
    return int(item_id.removeprefix("i"))


def build(times: Sequence[float], protocol: Protocol, max_length: int = 50) -> list[HistoryExample]:
    return list(histories(timeline(times), split_history(times, *protocol), max_length, {}))

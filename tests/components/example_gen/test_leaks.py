"""Leakage: no example may depend on the future of its target, of any user, or on the target's own time."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.example_gen.ingest import ingest
from schemas import config
from tests.components.history_example import HistoryExample
from tests.components.logs import START_S, data, local_pipeline
from tests.components.protocols import (
    ALL,
    LEAVE_ONE_OUT,
    LENGTHS,
    NEXT,
    PROTOCOLS,
    TIMES,
    Protocol,
    build,
    item_index,
    session,
)

Row = tuple[str, str, int]

VALIDATION_S, TEST_S, END_S = START_S + 6_000, START_S + 8_000, START_S + 10_000
GAP_S = 100
USERS = [f"u{number}" for number in range(20)]
CUTS = {
    "validation_from": datetime.fromtimestamp(VALIDATION_S, timezone.utc),
    "test_from": datetime.fromtimestamp(TEST_S, timezone.utc),
}


def sessions_from(begin_s: int, end_s: int, users: list[str], draw: random.Random) -> list[Row]:
    """Return visits of each user between two times: a few interactions, with pauses longer than the gap around."""
    rows = []
    for user in users:
        for visit_s in range(begin_s + draw.randrange(GAP_S), end_s - 3 * GAP_S, draw.randrange(4 * GAP_S, 900)):
            for step in range(draw.randrange(1, 6)):
                rows.append((user, f"i{draw.randrange(30)}", visit_s + 20 * step))
    return rows


def written(folder: Path, rows: list[Row], split: config.SplitConfig) -> dict[str, bytes]:
    """Return the bytes of each file that the ingestion of a log writes, by its name."""
    folder.mkdir()
    (folder / "log.csv").write_text("user,item,time\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
    ingest(local_pipeline, data(folder / "log.csv"), split, config.HistoryConfig(max_length=4), f"{folder}/out")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("out/Split-*/*")}


PAST = sessions_from(START_S, TEST_S, USERS, random.Random(1))
FUTURE = sessions_from(TEST_S, END_S, USERS, random.Random(2))
PLANTED = {  # other rows after the start of test
    "none": [],
    "an item that everyone takes to, and often": [
        (user, "hit", time_s + step) for user, _, time_s in FUTURE for step in range(9)
    ],
    "others, at other times": sessions_from(TEST_S, END_S, [*USERS[:10], "new1", "new2"], random.Random(3)),
}
SPLITS: dict[str, config.TemporalSplitConfig | config.SessionSplitConfig] = {
    "next": NEXT,
    "all": ALL,
    "session": session(GAP_S),
}
TEST_FILE = "out/Split-test/data_tfrecord-00000-of-00001.gz"


@pytest.mark.parametrize("name", SPLITS)
def test_ingest_leaks_nothing_of_the_test_period_into_other_splits(tmp_path: Path, name: str) -> None:
    split = SPLITS[name].model_copy(update=CUTS)
    before = written(tmp_path / "log", PAST + FUTURE, split)

    for future, rows in PLANTED.items():
        after = written(tmp_path / future, PAST + rows, split)
        assert differing(before, after) == {TEST_FILE}, future


def test_ingest_of_leave_one_out_leaks_no_test_target_into_other_splits(tmp_path: Path) -> None:
    rows = sorted(PAST, key=lambda row: (row[0], row[2]))
    last = {user: index for index, (user, *_) in enumerate(rows)}
    others = [(u, "hit", t + 7) if last[u] == index else (u, i, t) for index, (u, i, t) in enumerate(rows)]

    before, after = (written(tmp_path / name, log, LEAVE_ONE_OUT) for name, log in (("1", rows), ("2", others)))

    assert differing(before, after) == {TEST_FILE}


def differing(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


@given(times=TIMES, protocol=PROTOCOLS, max_length=LENGTHS)
def test_histories_hold_nothing_later_than_their_target(
    times: list[float], protocol: Protocol, max_length: int
) -> None:
    for history in build(times, protocol, max_length):
        indices = [item_index(item) for item in history.item_ids]
        first, *later = [item_index(item) for item in history.target_ids]
        assert indices == list(range(first - len(indices), first))
        assert 0 < len(indices) <= max_length
        assert later == list(range(first + 1, first + 1 + len(later)))
        assert all(item_index(item) < indices[0] for item in history.exclude_ids)
        assert history.timestamps_s == [int(times[index]) for index in indices]
        assert history.target_timestamp_s == int(times[first])


@given(times=TIMES, protocol=PROTOCOLS, max_length=LENGTHS, draw=st.data())
def test_histories_do_not_depend_on_the_time_of_their_target(
    times: list[float], protocol: Protocol, max_length: int, draw: st.DataObject
) -> None:
    before = build(times, protocol, max_length)
    tested = [item_index(history.target_ids[0]) for history in before if history.split == "test"]
    assume(tested)
    index = draw.draw(st.sampled_from(tested))
    latest = times[index + 1] if index + 1 < len(times) else times[index] + 10
    if isinstance(protocol.split, config.SessionSplitConfig) and protocol.split.gap_s is not None:
        latest = min(latest, times[index - 1] + protocol.split.gap_s)  # a later time would begin a new session
        if index + 1 < len(times) and times[index + 1] - times[index] > protocol.split.gap_s:
            latest = min(latest, times[index + 1] - protocol.split.gap_s - 1)  # later, it would join the next one
    assume(latest >= times[index])
    moved = float(draw.draw(st.integers(int(times[index]), int(latest))))

    after = build([*times[:index], moved, *times[index + 1 :]], protocol, max_length)

    assert after == [with_time(history, index, int(moved)) for history in before]
    assert all(old == new for old, new in zip(before, after, strict=True) if old.split != "test")


def with_time(history: HistoryExample, index: int, time_s: int) -> HistoryExample:
    """Return the example with another time of one interaction, if that is the target or in the history."""
    times = zip(history.item_ids, history.timestamps_s, strict=True)
    return history._replace(
        timestamps_s=[time_s if item_index(item) == index else known for item, known in times],
        target_timestamp_s=time_s if item_index(history.target_ids[0]) == index else history.target_timestamp_s,
    )

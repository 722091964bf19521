"""The columns are those of the reference in `user_splits`, and no example holds the future of its target."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.example_gen.examples.splits import (
    INTERACTION_ROLES,
    Examples,
    SplitColumns,
    split_timelines,
    split_times_from_shares,
)
from schemas.config import LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TemporalSplitConfig
from schemas.features import SPLITS
from tests.components.example_gen.examples import user_splits

LEAVE_ONE_OUT = LeaveOneOutConfig()
NEXT = TemporalSplitConfig(kind="temporal")
ALL = TemporalSplitConfig(kind="temporal", targets="all")
CUTS = (10.0, 20.0)

Users = list[list[float]]  # the times of each user
Indices = tuple[int, int, int, int]  # begin, start, first and end of an example


class Protocol(NamedTuple):
    """A split, and its split times in unix seconds."""

    split: SplitConfig
    split_times_s: tuple[float, float] | None


def session(gap_s: float | None) -> SessionSplitConfig:
    return SessionSplitConfig(kind="session", gap_s=gap_s)


# Times, split times and gaps are multiples of 0.5, so that many are equal.
HALVES = st.integers(0, 40).map(lambda half: half / 2)
USERS = st.lists(st.lists(HALVES, max_size=15).map(sorted), max_size=6)
SPLIT_TIMES = st.tuples(st.integers(-5, 45), st.integers(0, 20)).map(lambda c: (c[0] / 2, (c[0] + c[1]) / 2))
LENGTHS = st.integers(1, 6)
TEMPORAL = st.builds(Protocol, st.sampled_from([NEXT, ALL]), SPLIT_TIMES)
SESSION = st.builds(Protocol, (st.none() | st.sampled_from([0.5, 1.0, 2.5, 5.0])).map(session), SPLIT_TIMES)
PROTOCOLS = st.just(Protocol(LEAVE_ONE_OUT, None)) | TEMPORAL | SESSION


def offsets_of(users: Users) -> list[int]:
    return [sum(map(len, users[:count])) for count in range(len(users) + 1)]


def columns_of(users: Users, protocol: Protocol, max_length: int = 50, *, refit: bool = False) -> SplitColumns:
    times = np.array([time for user in users for time in user], np.float64)
    return split_timelines(times, np.array(offsets_of(users), np.int64), *protocol, max_length, refit=refit)


def rows(examples: Examples) -> list[tuple[int, ...]]:
    assert {column.dtype for column in examples} == {np.dtype(np.int64)}
    return list(zip(*(column.tolist() for column in examples), strict=True))


def of_one(times: list[float], protocol: Protocol, max_length: int = 50) -> dict[str, list[Indices]]:
    """Return (begin, start, first, end) of the examples of a single user, without the splits that have none."""
    found = columns_of([times], protocol, max_length).examples
    return {name: [row[1:] for row in rows(examples)] for name, examples in found.items() if len(examples.user)}  # type: ignore[misc]


@given(users=USERS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_split_timelines_gives_the_examples_and_counts_of_the_reference(
    users: Users, protocol: Protocol, max_length: int
) -> None:
    expected: dict[str, list[tuple[int, ...]]] = {name: [] for name in SPLITS}
    roles: Counter[str] = Counter()
    train_interactions = []
    for user, (times, offset) in enumerate(zip(users, offsets_of(users), strict=False)):
        user_split = user_splits.split_history(times, *protocol)
        for split, *indices in user_splits.examples(user_split, max_length):
            expected[split].append((user, *(offset + index for index in indices)))
        roles.update(user_splits.count_roles(len(times), user_split))
        train_interactions.append(user_split.train_interactions)
    tested = {user for user, *_ in expected["test"]}

    found = columns_of(users, protocol, max_length)

    assert {name: rows(examples) for name, examples in found.examples.items()} == {
        name: sorted(examples, key=lambda row: (row[0], row[3])) for name, examples in expected.items()
    }
    assert found.train_interactions.dtype == np.int64
    assert found.train_interactions.tolist() == train_interactions
    assert found.roles == roles
    assert set(found.roles) == set(INTERACTION_ROLES)
    assert found.warm == sum(train_interactions[user] > 0 for user in tested)
    assert found.cold == sum(train_interactions[user] == 0 for user in tested)


@given(users=USERS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_histories_hold_only_interactions_of_the_user_before_the_targets(
    users: Users, protocol: Protocol, max_length: int
) -> None:
    offsets = offsets_of(users)
    for examples in columns_of(users, protocol, max_length).examples.values():
        for user, begin, start, first, end in rows(examples):
            assert offsets[user] <= begin <= start < first < end <= offsets[user + 1]
            assert start == begin or first - start == max_length


def targets_of(columns: SplitColumns, split: str) -> list[int]:
    """Return the indices of a split's targets. In a training example, each item after the first is one."""
    return [
        index
        for _, _, start, first, end in rows(columns.examples[split])
        for index in range(start + 1 if split == "train" else first, end)
    ]


@given(users=USERS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_targets_appear_once_in_all_splits(users: Users, protocol: Protocol, max_length: int) -> None:
    columns = columns_of(users, protocol, max_length)

    targets = Counter(index for split in SPLITS for index in targets_of(columns, split))

    assert set(targets.values()) <= {1}


@given(users=USERS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_training_interactions_except_the_first_of_a_sequence_are_targets_once(
    users: Users, protocol: Protocol, max_length: int
) -> None:
    sequences = [
        [offset + index for index in sequence]
        for times, offset in zip(users, offsets_of(users), strict=False)
        for sequence in training_sequences(times, protocol)
    ]

    columns = columns_of(users, protocol, max_length)

    assert Counter(targets_of(columns, "train")) == Counter(index for sequence in sequences for index in sequence[1:])
    assert columns.roles["trained_on"] == sum(len(sequence) for sequence in sequences if len(sequence) > 1)
    assert columns.train_interactions.sum() == sum(map(len, sequences))


def training_sequences(times: list[float], protocol: Protocol) -> list[list[int]]:
    split, split_times_s = protocol
    if split_times_s is None:
        return [list(range(len(times) - 2))]
    if isinstance(split, SessionSplitConfig):
        spans = user_splits.sessions(times, split.gap_s)
        return [list(range(start, end)) for start, end in spans if times[start] < split_times_s[0]]
    return [[index for index, time in enumerate(times) if time < split_times_s[0]]]


@given(users=USERS, protocol=TEMPORAL, max_length=LENGTHS)
def test_temporal_targets_are_in_the_time_of_their_split(users: Users, protocol: Protocol, max_length: int) -> None:
    times = [time for user in users for time in user]
    assert protocol.split_times_s
    borders = (-np.inf, *protocol.split_times_s, np.inf)

    columns = columns_of(users, protocol, max_length)

    for split, begin, end in zip(SPLITS, borders[:-1], borders[1:], strict=True):
        assert all(begin <= times[index] < end for index in targets_of(columns, split))


@given(users=USERS, others=USERS, protocol=TEMPORAL, max_length=LENGTHS)
def test_temporal_training_and_validation_do_not_depend_on_the_test_period(
    users: Users, others: Users, protocol: Protocol, max_length: int
) -> None:
    assert protocol.split_times_s
    test_time = protocol.split_times_s[1]
    added = [[test_time + time for time in user] for user in others] + [[]] * len(users)
    changed = [[time for time in user if time < test_time] + new for user, new in zip(users, added, strict=False)]

    before, after = (columns_of(log, protocol, max_length) for log in (users, changed))

    assert before.train_interactions.tolist() == after.train_interactions.tolist()
    for split in ("train", "eval"):
        assert by_user(before.examples[split], users) == by_user(after.examples[split], changed)


@given(times=st.lists(HALVES, max_size=15).map(sorted), protocol=PROTOCOLS, max_length=LENGTHS, draw=st.data())
def test_test_example_does_not_depend_on_the_time_of_its_target(
    times: list[float], protocol: Protocol, max_length: int, draw: st.DataObject
) -> None:
    before = of_one(times, protocol, max_length).get("test", [])
    assume(before)
    example = draw.draw(st.sampled_from(before))
    target = example[2]
    latest = times[target + 1] if target + 1 < len(times) else times[target] + 10
    if isinstance(protocol.split, SessionSplitConfig) and protocol.split.gap_s is not None:
        latest = min(latest, times[target - 1] + protocol.split.gap_s)  # a later time would begin a new session
    moved = draw.draw(st.floats(times[target], latest))

    after = of_one([*times[:target], moved, *times[target + 1 :]], protocol, max_length)

    assert example in after["test"]


def by_user(examples: Examples, users: Users) -> list[tuple[int, ...]]:
    """Return the user of each example, and its indices in that user's timeline."""
    offsets = offsets_of(users)
    return [(user, *(index - offsets[user] for index in indices)) for user, *indices in rows(examples)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, {}),
        (1, {}),
        (2, {"test": [(0, 0, 1, 2)]}),
        (3, {"eval": [(0, 0, 1, 2)], "test": [(0, 0, 2, 3)]}),
        (4, {"train": [(0, 0, 1, 2)], "eval": [(0, 0, 2, 3)], "test": [(0, 0, 3, 4)]}),
        (10, {"train": [(0, 0, 3, 4), (3, 3, 7, 8)], "eval": [(0, 4, 8, 9)], "test": [(0, 5, 9, 10)]}),
    ],
)
def test_leave_one_out_takes_the_last_for_test_and_the_one_before_for_validation(
    count: int, expected: dict[str, list[Indices]]
) -> None:
    assert of_one([1.0] * count, Protocol(LEAVE_ONE_OUT, None), max_length=4) == expected


@pytest.mark.parametrize(
    ("times", "trained", "validated", "tested"),
    [
        ([1.0, 2, 10, 11, 20, 21, 22], 2, 2, 4),
        ([1.0, 2, 20], 2, None, 2),
        ([1.0, 2, 19.9], 2, 2, None),
        ([1.0, 9.9], 2, None, None),
        ([10.0, 20], 0, None, 1),  # the first interaction has no history
        ([30.0, 30], 0, None, None),
        ([], 0, None, None),
    ],
)
@pytest.mark.parametrize("split", [NEXT, ALL], ids=["next", "all"])
def test_temporal_trains_before_the_first_split_time_and_predicts_after_each(
    split: TemporalSplitConfig, times: list[float], trained: int, validated: int | None, tested: int | None
) -> None:
    expected = {"train": [(0, 0, trained - 1, trained)]} if trained else {}
    if validated is not None:
        expected["eval"] = [(0, 0, validated, validated + 1)]
    if tested is not None:
        expected["test"] = [(0, 0, tested, len(times) if split is ALL else tested + 1)]

    assert of_one(times, Protocol(split, CUTS)) == expected


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [
        (None, [(0, 0, 5, 6)]),
        (4.9, [(0, 0, 1, 2), (2, 2, 4, 5)]),
        (5.0, [(0, 0, 4, 5)]),  # a pause as long as the gap does not end a session
        (100.0, [(0, 0, 5, 6)]),
    ],
)
def test_sessions_end_at_a_longer_pause(gap_s: float | None, expected: list[Indices]) -> None:
    assert of_one([0.0, 1.0, 6.0, 6.0, 7.0, 20.0], Protocol(session(gap_s), (30.0, 40.0))) == {"train": expected}


def test_session_puts_a_session_into_the_split_in_which_it_begins() -> None:
    times = [1.0, 9.0, 12.0, 18.0, 21.0, 22.0, 40.0, 50.0, 51.0]  # with pauses over 4: at 9, 18, 40 and 50

    assert of_one(times, Protocol(session(4.0), CUTS)) == {
        "train": [(1, 1, 2, 3)],
        "eval": [(3, 3, 4, 5), (3, 3, 5, 6)],  # 18, 21, 22: began before the start of test
        "test": [(7, 7, 8, 9)],
    }


@pytest.mark.parametrize(("begin", "split"), [(9.9, "train"), (10.0, "eval"), (19.9, "eval"), (20.0, "test")])
def test_session_that_begins_at_a_split_time_lies_after_it(begin: float, split: str) -> None:
    assert of_one([begin, begin + 15], Protocol(session(None), CUTS)) == {split: [(0, 0, 1, 2)]}


def test_session_steps_exclude_what_is_before_a_full_history() -> None:
    found = of_one([30.0, 31.0, 32.0, 33.0, 34.0], Protocol(session(2.0), CUTS), max_length=2)

    assert found == {"test": [(0, 0, 1, 2), (0, 0, 2, 3), (0, 1, 3, 4), (0, 2, 4, 5)]}


@pytest.mark.parametrize(
    ("count", "expected"),
    [(10, [(0, 1), (1, 5), (5, 9)]), (9, [(0, 4), (4, 8)]), (5, [(0, 4)]), (1, [])],
)
def test_windows_are_cut_from_the_end(count: int, expected: list[tuple[int, int]]) -> None:
    found = of_one([1.0] * count, Protocol(NEXT, CUTS), max_length=4)

    assert found.get("train", []) == [(start, start, first, first + 1) for start, first in expected]


def test_roles_of_sessions_count_targets_and_histories() -> None:
    # Sessions with 3 and 1 interactions for training, 1 and 2 for validation, 4 and 1 for test.
    times = [1.0, 2, 3, 8, 13, 18, 18, 23, 23, 24, 24, 30]

    assert columns_of([times], Protocol(session(2.0), CUTS)).roles == {
        "trained_on": 3,
        "eval_targets": 1,
        "test_targets": 3,
        "targets_without_history": 0,
        "history_only": 2,
        "in_no_example": 3,  # the sessions with one interaction
    }


def test_roles_and_users_of_temporal_count_targets_without_history() -> None:
    users = [[1.0, 15.0, 25.0], [15.0, 25.0], [25.0]]  # the last one has no test example

    columns = columns_of(users, Protocol(NEXT, CUTS))

    assert (columns.warm, columns.cold) == (1, 1)
    assert columns.roles == {
        "trained_on": 0,
        "eval_targets": 1,
        "test_targets": 2,
        "targets_without_history": 2,
        "history_only": 1,
        "in_no_example": 0,
    }


@pytest.mark.parametrize(
    ("times", "protocol", "expected"),
    [
        (range(10), Protocol(LEAVE_ONE_OUT, None), 8),
        (range(2), Protocol(LEAVE_ONE_OUT, None), 0),
        ([1, 2, 12, 25], Protocol(NEXT, CUTS), 2),
        ([12, 25], Protocol(NEXT, CUTS), 0),
        ([1, 2, 5, 12, 25, 26], Protocol(session(2.0), CUTS), 3),
        ([19, 25, 26], Protocol(session(None), CUTS), 0),
    ],
)
def test_train_interactions_count_those_of_the_training_part(times: Any, protocol: Protocol, expected: int) -> None:
    assert columns_of([list(times)], protocol).train_interactions.tolist() == [expected]


def test_split_timelines_without_split_times_is_refused_except_for_an_empty_log() -> None:
    assert columns_of([], Protocol(NEXT, None)).roles.total() == 0
    with pytest.raises(ValueError, match="expected split times for 'temporal'; received None"):
        columns_of([[1.0, 2.0]], Protocol(NEXT, None))


@pytest.mark.parametrize(
    ("times", "shares", "expected"),
    [
        (range(10), (0.1, 0.2), (7, 8)),
        (range(10), (0.1, 0.7), (2, 3)),  # 0.1 + 0.7 is a little less than 0.8
        ([0, 0, 0, 5, 5, 9], (0.2, 0.2), (9, 9)),  # with the fives, it would be a half
        ([0, 5, 5, 5], (0.3, 0.3), (6, 6)),  # the last second alone has more than either fraction
        ([3], (0.4, 0.5), (4, 4)),
    ],
)
def test_split_times_from_shares_leave_at_most_the_shares_after_them(
    times: list[int], shares: tuple[float, float], expected: tuple[float, float]
) -> None:
    counts = np.unique(np.array(times, dtype=np.float64), return_counts=True)
    split = TemporalSplitConfig(kind="temporal", validation_share=shares[0], test_share=shares[1])

    assert split_times_from_shares(counts, split) == expected


@given(times=st.lists(st.integers(0, 50), min_size=1), validation=st.floats(0.01, 0.49), test=st.floats(0.01, 0.49))
def test_split_times_from_shares_are_the_earliest_possible(times: list[int], validation: float, test: float) -> None:
    counts = np.unique(np.array(times, dtype=np.float64), return_counts=True)
    split = SessionSplitConfig(kind="session", validation_share=validation, test_share=test)

    cuts = split_times_from_shares(counts, split)

    assert cuts is not None
    for cut, share in zip(cuts, (validation + test, test), strict=True):
        assert sum(time >= cut for time in times) <= share * len(times) + 1e-6
        earlier = [time for time in times if time < cut]
        assert not earlier or sum(time >= max(earlier) for time in times) > share * len(times)

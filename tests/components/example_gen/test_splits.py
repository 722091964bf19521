from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.splits import (
    INTERACTION_ROLES,
    Span,
    Targets,
    UserSplit,
    count_roles,
    sessions,
    split_history,
    split_times_from_shares,
    windows,
)
from schemas import config
from tests.components.protocols import (
    ALL,
    LEAVE_ONE_OUT,
    LENGTHS,
    NEXT,
    PROTOCOLS,
    SESSION,
    TEMPORAL,
    TIMES,
    Protocol,
    build,
    item_index,
    session,
)

CUTS = (10.0, 20.0)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, UserSplit([], [])),
        (1, UserSplit([], [Targets("test", 0, 0, 1)])),
        (2, UserSplit([], [Targets("eval", 0, 0, 1), Targets("test", 0, 1, 2)])),
        (3, UserSplit([Span(0, 1)], [Targets("eval", 0, 1, 2), Targets("test", 0, 2, 3)])),
        (4, UserSplit([Span(0, 2)], [Targets("eval", 0, 2, 3), Targets("test", 0, 3, 4)])),
        (10, UserSplit([Span(0, 8)], [Targets("eval", 0, 8, 9), Targets("test", 0, 9, 10)])),
    ],
)
def test_leave_one_out_takes_the_last_for_test_and_the_one_before_for_validation(
    count: int, expected: UserSplit
) -> None:
    assert split_history([float(i) for i in range(count)], LEAVE_ONE_OUT, None) == expected


@pytest.mark.parametrize(
    ("count", "splits"), [(1, []), (2, ["test"]), (3, ["eval", "test"]), (4, ["train", "eval", "test"])]
)
def test_leave_one_out_of_few_interactions_gives_the_examples_with_a_history(count: int, splits: list[str]) -> None:
    assert [history.split for history in build([1.0] * count, Protocol(LEAVE_ONE_OUT, None))] == splits


@pytest.mark.parametrize(
    ("times", "trained", "validated", "tested"),
    [
        ([1, 2, 10, 11, 20, 21, 22], 2, 2, 4),
        ([1, 2, 20], 2, None, 2),
        ([1, 2, 19.9], 2, 2, None),
        ([1, 9.9], 2, None, None),
        ([10, 20], 0, 0, 1),
        ([30, 30], 0, None, 0),
        ([], 0, None, None),
    ],
)
@pytest.mark.parametrize("split", [NEXT, ALL], ids=["next", "all"])
def test_temporal_trains_before_the_first_split_time_and_predicts_after_each(
    split: config.TemporalSplitConfig, times: list[float], trained: int, validated: int | None, tested: int | None
) -> None:
    found = split_history(times, split, CUTS)

    assert found.train == [Span(0, trained)] * bool(trained)
    assert [t for t in found.targets if t.split == "eval"] == [
        Targets("eval", 0, index, index + 1) for index in [validated] if index is not None
    ]
    assert [t for t in found.targets if t.split == "test"] == [
        Targets("test", 0, index, len(times) if split is ALL else index + 1) for index in [tested] if index is not None
    ]


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [
        (None, [(0, 6)]),
        (4.9, [(0, 2), (2, 5), (5, 6)]),
        (5.0, [(0, 5), (5, 6)]),  # a pause as long as the gap does not end a session
        (100.0, [(0, 6)]),
    ],
)
def test_sessions_end_at_a_longer_pause(gap_s: float | None, expected: list[tuple[int, int]]) -> None:
    assert sessions([0.0, 1.0, 6.0, 6.0, 7.0, 20.0], gap_s) == expected


@given(times=TIMES, gap_s=st.none() | st.floats(0.5, 8))
def test_sessions_are_disjoint_and_cover_the_timeline(times: list[float], gap_s: float | None) -> None:
    found = sessions(times, gap_s)

    assert [index for start, end in found for index in range(start, end)] == list(range(len(times)))
    borders = {end for _, end in found[:-1]}
    limit = float("inf") if gap_s is None else gap_s
    assert borders == {index for index, (a, b) in enumerate(pairwise(times), start=1) if b - a > limit}


def test_session_puts_a_session_into_the_split_in_which_it_begins() -> None:
    times = [1.0, 9.0, 12.0, 18.0, 21.0, 22.0, 40.0, 50.0, 51.0]  # with pauses over 4: at 9, 18, 40 and 50

    assert split_history(times, session(4.0), CUTS) == UserSplit(
        train=[Span(0, 1), Span(1, 3)],
        targets=[
            Targets("eval", 3, 4, 5),  # 18, 21, 22: began before the start of test
            Targets("eval", 3, 5, 6),
            Targets("test", 7, 8, 9),
        ],
    )


@pytest.mark.parametrize(("begin", "split"), [(9.9, "train"), (10.0, "eval"), (19.9, "eval"), (20.0, "test")])
def test_session_that_begins_at_a_split_time_lies_after_it(begin: float, split: str) -> None:
    assert {history.split for history in build([begin, begin + 15], Protocol(session(None), CUTS))} == {split}


def test_windows_are_cut_from_the_end() -> None:
    assert list(windows(Span(0, 10), max_length=4)) == [(5, 9), (1, 5), (0, 1)]
    assert list(windows(Span(3, 13), max_length=4)) == [(8, 12), (4, 8), (3, 4)]
    assert list(windows(Span(0, 5), max_length=4)) == [(0, 4)]
    assert list(windows(Span(7, 8), max_length=4)) == []


@given(times=TIMES, protocol=PROTOCOLS, max_length=LENGTHS)
def test_windows_make_every_interaction_except_the_first_a_target_once(
    times: list[float], protocol: Protocol, max_length: int
) -> None:
    targets = Counter(
        item_index(item)
        for history in build(times, protocol, max_length)
        if history.split == "train"
        for item in [*history.item_ids[1:], *history.target_ids]
    )

    if isinstance(protocol.split, config.SessionSplitConfig):
        trained = [
            span
            for span in spans(times, protocol)
            if protocol.split_times_s and times[span.start] < protocol.split_times_s[0]
        ]
    else:
        before_cut = (
            sum(time < protocol.split_times_s[0] for time in times) if protocol.split_times_s else len(times) - 2
        )
        trained = [Span(0, before_cut)]
    assert targets == Counter(index for start, end in trained for index in range(start + 1, end))


@given(times=TIMES, protocol=TEMPORAL, max_length=LENGTHS)
def test_split_history_trains_on_nothing_later_than_any_target(
    times: list[float], protocol: Protocol, max_length: int
) -> None:
    found = build(times, protocol, max_length)

    assert protocol.split_times_s
    validation, test = protocol.split_times_s
    assert all(h.target_timestamp_s < validation for h in found if h.split == "train")
    assert all(validation <= h.target_timestamp_s < test for h in found if h.split == "eval")
    assert all(test <= h.target_timestamp_s for h in found if h.split == "test")
    assert all(n == 1 for split, n in Counter(h.split for h in found).items() if split != "train")


@given(times=TIMES, protocol=SESSION, max_length=LENGTHS)
def test_session_keeps_examples_in_one_session_and_sessions_in_one_split(
    times: list[float], protocol: Protocol, max_length: int
) -> None:
    assert protocol.split_times_s
    validation, test = protocol.split_times_s
    for history in build(times, protocol, max_length):
        indices = sorted(item_index(item) for item in (*history.exclude_ids, *history.item_ids, *history.target_ids))
        (span,) = [span for span in spans(times, protocol) if span.start <= indices[0] < span.end]
        begun = times[span.start]
        assert indices[-1] < span.end
        assert history.split == ("train" if begun < validation else "eval" if begun < test else "test")


@given(times=TIMES, protocol=SESSION, max_length=LENGTHS)
def test_session_of_validation_or_test_is_revealed_step_by_step(
    times: list[float], protocol: Protocol, max_length: int
) -> None:
    revealed = [
        (sorted(item_index(item) for item in (*history.exclude_ids, *history.item_ids)), history.target_ids)
        for history in build(times, protocol, max_length)
        if history.split != "train"
    ]

    assert protocol.split_times_s
    assert revealed == [
        (list(range(start, target)), [f"i{target}"])
        for start, end in spans(times, protocol)
        if times[start] >= protocol.split_times_s[0]
        for target in range(start + 1, end)
    ]


def spans(times: list[float], protocol: Protocol) -> list[Span]:
    assert isinstance(protocol.split, config.SessionSplitConfig)
    return sessions(times, protocol.split.gap_s)


@given(times=TIMES, protocol=PROTOCOLS, max_length=LENGTHS)
def test_count_roles_agrees_with_the_examples(times: list[float], protocol: Protocol, max_length: int) -> None:
    trained, targets, histories = set(), set(), set()
    for history in build(times, protocol, max_length):
        before = {item_index(item) for item in (*history.exclude_ids, *history.item_ids)}
        after = {(history.split, item_index(item)) for item in history.target_ids}
        if history.split == "train":
            trained |= before | {index for _, index in after}
        else:
            targets |= after
            histories |= before

    def role(index: int) -> str:
        if index in trained:
            return "trained_on"
        for split in ("eval", "test"):
            if (split, index) in targets:
                return f"{split}_targets"
        if index in without_history(times, protocol):
            return "targets_without_history"
        return "history_only" if index in histories else "in_no_example"

    counts = count_roles(len(times), split_history(times, *protocol))

    assert counts == Counter(role(index) for index in range(len(times)))
    assert set(counts) <= set(INTERACTION_ROLES)


def without_history(times: list[float], protocol: Protocol) -> list[int]:
    """Return the targets that have no history. The first interaction of a session is never a target."""
    split, split_times_s = protocol
    if isinstance(split, config.SessionSplitConfig):
        return []
    if split_times_s is None:
        return [0] if len(times) <= 2 else []
    if times and times[0] >= split_times_s[1]:
        return list(range(len(times))) if split == ALL else [0]
    return [0] if times and times[0] >= split_times_s[0] else []


def test_count_roles_of_sessions_counts_targets_and_histories() -> None:
    # Sessions with 3 and 1 interactions for training, 1 and 2 for validation, 4 and 1 for test.
    times = [1.0, 2, 3, 8, 13, 18, 18, 23, 23, 24, 24, 30]

    assert count_roles(len(times), split_history(times, session(2.0), CUTS)) == {
        "trained_on": 3,
        "eval_targets": 1,
        "test_targets": 3,
        "history_only": 2,
        "in_no_example": 3,  # the sessions with one interaction
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
def test_histories_have_the_number_of_training_interactions(times: Any, protocol: Protocol, expected: int) -> None:
    counts = {history.train_interactions for history in build([float(time) for time in times], protocol)}

    assert counts == {expected}


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
    split = config.TemporalSplitConfig(kind="temporal", validation_share=shares[0], test_share=shares[1])

    assert split_times_from_shares(counts, split) == expected


@given(times=st.lists(st.integers(0, 50), min_size=1), validation=st.floats(0.01, 0.49), test=st.floats(0.01, 0.49))
def test_split_times_from_shares_are_the_earliest_possible(times: list[int], validation: float, test: float) -> None:
    counts = np.unique(np.array(times, dtype=np.float64), return_counts=True)
    split = config.SessionSplitConfig(kind="session", validation_share=validation, test_share=test)

    cuts = split_times_from_shares(counts, split)

    assert cuts is not None
    for cut, share in zip(cuts, (validation + test, test), strict=True):
        assert sum(time >= cut for time in times) <= share * len(times) + 1e-6
        earlier = [time for time in times if time < cut]
        assert not earlier or sum(time >= max(earlier) for time in times) > share * len(times)

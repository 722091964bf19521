import random
from collections import Counter
from datetime import datetime, timezone
from itertools import groupby
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from components.histories import (
    BuildHistories,
    Cuts,
    History,
    SplitPoints,
    cuts_from_shares,
    histories,
    split_history,
    to_example,
    windows,
)
from components.timelines import Timeline
from schemas import config
from tests.components.logs import data, interactions, local_pipeline

TIMES = st.lists(st.integers(0, 20).map(float), max_size=15).map(sorted)
CUTS = st.none() | st.tuples(st.integers(0, 20), st.integers(1, 10)).map(lambda c: (float(c[0]), float(c[0] + c[1])))
LENGTHS = st.integers(1, 6)


def timeline(times: list[float]) -> Timeline:
    """Item `i7` is the interaction at position 7."""
    return Timeline("u", [f"i{position}" for position in range(len(times))], times, {})


def position(item_id: str) -> int:
    return int(item_id.removeprefix("i"))


def build(times: list[float], cuts_s: Cuts | None, max_length: int = 50) -> list[History]:
    return list(histories(timeline(times), split_history(times, cuts_s), max_length))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, SplitPoints(0, None, None)),
        (1, SplitPoints(0, None, 0)),
        (2, SplitPoints(0, 0, 1)),
        (3, SplitPoints(1, 1, 2)),
        (4, SplitPoints(2, 2, 3)),
        (10, SplitPoints(8, 8, 9)),
    ],
)
def test_leave_one_out_tests_on_the_last_and_validates_on_the_one_before(count: int, expected: SplitPoints) -> None:
    assert split_history([float(i) for i in range(count)], None) == expected


@pytest.mark.parametrize(
    ("count", "splits"), [(1, []), (2, ["test"]), (3, ["eval", "test"]), (4, ["train", "eval", "test"])]
)
def test_leave_one_out_gives_an_example_where_there_is_a_history(count: int, splits: list[str]) -> None:
    assert [history.split for history in build([1.0] * count, None)] == splits


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([1, 2, 10, 11, 20, 21], SplitPoints(2, 2, 4)),
        ([1, 2, 20], SplitPoints(2, None, 2)),
        ([1, 2, 19.9], SplitPoints(2, 2, None)),
        ([1, 9.9], SplitPoints(2, None, None)),
        ([10, 20], SplitPoints(0, 0, 1)),
        ([30], SplitPoints(0, None, 0)),
        ([], SplitPoints(0, None, None)),
    ],
)
def test_temporal_trains_before_the_first_cut_and_takes_one_target_after_each(
    times: list[float], expected: SplitPoints
) -> None:
    assert split_history(times, (10.0, 20.0)) == expected


def test_windows_are_cut_from_the_end() -> None:
    assert list(windows(10, max_length=4)) == [(5, 9), (1, 5), (0, 1)]
    assert list(windows(5, max_length=4)) == [(0, 4)]
    assert list(windows(1, max_length=4)) == []
    assert list(windows(0, max_length=4)) == []


def test_a_history_holds_the_most_recent_items_and_names_the_older_ones() -> None:
    items = ["b", "a", "c", "b", "a", "d", "e"]
    line = Timeline("u", items, [0.0, 1.0, 2.0, 3.0, 4.0, 5.9, 6.5], {})

    *_, test = histories(line, split_history(line.timestamps_s, None), max_length=3)

    assert test == History(
        split="test",
        user_id="u",
        item_ids=["b", "a", "d"],
        timestamps_s=[3, 4, 5],
        target_id="e",
        target_timestamp_s=6,
        exclude_ids=["c"],  # a and b are seen too, and in the history already
        further={},
        target_further={},
    )


def test_training_excludes_nothing() -> None:
    assert [h.exclude_ids for h in build([float(i) for i in range(20)], None, max_length=3) if h.split == "train"] == [
        []
    ] * 6


@given(times=TIMES, cuts_s=CUTS, max_length=LENGTHS)
def test_no_history_holds_its_targets_future(times: list[float], cuts_s: Cuts | None, max_length: int) -> None:
    for history in build(times, cuts_s, max_length):
        target = position(history.target_id)
        assert [position(item) for item in history.item_ids] == list(range(target - len(history.item_ids), target))
        assert 0 < len(history.item_ids) <= max_length
        assert all(position(item) < target for item in history.exclude_ids)
        assert history.timestamps_s == [int(time) for time in times[target - len(history.item_ids) : target]]
        if history.split != "train":
            assert {*history.item_ids, *history.exclude_ids} == {f"i{i}" for i in range(target)}


@given(times=TIMES, cuts_s=CUTS, max_length=LENGTHS)
def test_every_training_interaction_but_the_first_is_a_target_once(
    times: list[float], cuts_s: Cuts | None, max_length: int
) -> None:
    targets = Counter(
        position(item)
        for history in build(times, cuts_s, max_length)
        if history.split == "train"
        for item in [*history.item_ids[1:], history.target_id]
    )

    trained = len(times) - 2 if cuts_s is None else sum(time < cuts_s[0] for time in times)
    assert targets == Counter(range(1, trained))


@given(times=TIMES, cuts_s=CUTS.filter(bool), max_length=LENGTHS)
def test_nothing_trained_on_is_younger_than_anything_tested_on(
    times: list[float], cuts_s: Cuts, max_length: int
) -> None:
    found = build(times, cuts_s, max_length)

    assert all(h.target_timestamp_s < cuts_s[0] for h in found if h.split == "train")
    assert all(cuts_s[0] <= h.target_timestamp_s < cuts_s[1] for h in found if h.split == "eval")
    assert all(cuts_s[1] <= h.target_timestamp_s for h in found if h.split == "test")
    assert all(n == 1 for split, n in Counter(h.split for h in found).items() if split != "train")


@pytest.mark.parametrize(
    ("times", "shares", "expected"),
    [
        (range(10), (0.1, 0.2), (7, 8)),
        (range(10), (0.1, 0.7), (2, 3)),  # .1 + .7 is a little less than .8
        ([0, 0, 0, 5, 5, 9], (0.2, 0.2), (9, 9)),  # at most: the fives would make it a half
        ([0, 5, 5, 5], (0.3, 0.3), (6, 6)),  # even the last second is more than either share
        ([3], (0.4, 0.5), (4, 4)),
    ],
)
def test_cuts_leave_at_most_the_shares_behind_them(
    times: list[int], shares: tuple[float, float], expected: tuple[float, float]
) -> None:
    counts = np.unique(np.array(times, dtype=np.float64), return_counts=True)
    split = config.Temporal(kind="temporal", validation_share=shares[0], test_share=shares[1])

    assert cuts_from_shares(counts, split) == expected


@given(times=st.lists(st.integers(0, 50), min_size=1), validation=st.floats(0.01, 0.49), test=st.floats(0.01, 0.49))
def test_a_cut_is_the_earliest_that_its_share_allows(times: list[int], validation: float, test: float) -> None:
    counts = np.unique(np.array(times, dtype=np.float64), return_counts=True)
    split = config.Temporal(kind="temporal", validation_share=validation, test_share=test)

    cuts = cuts_from_shares(counts, split)

    assert cuts is not None
    for cut, share in zip(cuts, (validation + test, test), strict=True):
        assert sum(time >= cut for time in times) <= share * len(times) + 1e-6
        earlier = [time for time in times if time < cut]
        assert not earlier or sum(time >= max(earlier) for time in times) > share * len(times)


def test_an_example_has_the_features_of_the_schema_and_one_form() -> None:
    history = History("test", "ü", ["a", "b"], [1, 2], "c", 3, ["x", "y"], {}, {})

    example = tf.train.Example.FromString(to_example(history))

    features = example.features.feature
    assert features["user_id"].bytes_list.value == ["ü".encode()]
    assert features["item_ids"].bytes_list.value == [b"a", b"b"]
    assert features["timestamps_s"].int64_list.value == [1, 2]
    assert features["target_id"].bytes_list.value == [b"c"]
    assert features["target_timestamp_s"].int64_list.value == [3]
    assert features["exclude_ids"].bytes_list.value == [b"x", b"y"]
    assert len(features) == 6
    assert len({to_example(history) for _ in range(20)}) == 1


Rows = list[tuple[str, str, float]]


def check_build(
    batches: list[pa.RecordBatch], split: Any, expected: list[History], counts: dict[str, Any], **minimums: Any
) -> None:
    """Asserts what `BuildHistories` gives; only the counts that are named."""
    with local_pipeline() as pipeline:
        built = pipeline | beam.Create(batches) | BuildHistories(data(**minimums), split, config.History(max_length=3))
        assert_that(built["histories"], equal_to(expected), label="Histories")
        named = built["counts"] | beam.Map(lambda found: {name: found[name] for name in counts})
        assert_that(named, equal_to([counts]), label="Counts")


def expected_histories(rows: Rows, cuts_s: Cuts | None) -> list[History]:
    """By sorting the whole log, which holds no two rows of a user at one time."""
    found = []
    for user, group in groupby(sorted(rows, key=lambda row: (row[0], row[2])), key=lambda row: row[0]):
        _, items, times = zip(*group, strict=True)
        line = Timeline(user, list(items), list(times), {})
        found += list(histories(line, split_history(line.timestamps_s, cuts_s), max_length=3))
    return found


ROWS: Rows = [(f"u{i % 7}", f"i{i % 11}", float(i)) for i in range(60)]
TEMPORAL = config.Temporal(
    kind="temporal",
    validation_from=datetime.fromtimestamp(40, timezone.utc),
    test_from=datetime.fromtimestamp(50, timezone.utc),
)


@pytest.mark.parametrize(
    ("split", "cuts_s"),
    [
        (config.LeaveOneOut(), None),
        (TEMPORAL, (40.0, 50.0)),
        (config.Temporal(kind="temporal", validation_share=0.2, test_share=0.1), (42.0, 54.0)),
    ],
    ids=["leave_one_out", "times", "shares"],
)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000), size=st.integers(1, 60))
def test_the_order_of_the_rows_changes_nothing(split: Any, cuts_s: Cuts | None, seed: int, size: int) -> None:
    shuffled = random.Random(seed).sample(ROWS, len(ROWS))
    batches = [interactions(shuffled[i : i + size]) for i in range(0, len(ROWS), size)]
    expected = expected_histories(ROWS, cuts_s)

    check_build(
        batches,
        split,
        expected,
        {
            "users": 7,
            "items": 11,
            "interactions": 60,
            "ties": 0,
            "first_timestamp_s": 0.0,
            "last_timestamp_s": 59.0,
            "cuts_s": cuts_s,
            "examples": {name: sum(h.split == name for h in expected) for name in ("train", "eval", "test")},
        },
    )


def test_ties_are_broken_by_file_and_line_and_counted() -> None:
    batches = [
        interactions([("u", "e", 5.0), ("u", "f", 6.0)], file="b.csv", first_line=2),
        interactions([("u", "c", 5.0), ("u", "d", 5.0)], file="a.csv", first_line=10),
        interactions([("u", "a", 4.0), ("u", "b", 5.0)], file="a.csv", first_line=2),
    ]

    check_build(
        batches,
        config.LeaveOneOut(),
        [
            History("train", "u", ["a", "b", "c"], [4, 5, 5], "d", 5, [], {}, {}),
            History("eval", "u", ["b", "c", "d"], [5, 5, 5], "e", 5, ["a"], {}, {}),
            History("test", "u", ["c", "d", "e"], [5, 5, 5], "f", 6, ["a", "b"], {}, {}),
        ],
        {"ties": 3},
    )


def test_a_target_that_is_a_users_first_interaction_is_counted() -> None:
    rows: Rows = [("u1", "a", 1), ("u1", "b", 45), ("u1", "c", 55), ("u2", "a", 45), ("u2", "b", 55), ("u3", "a", 55)]

    check_build(
        [interactions(rows)],
        TEMPORAL,
        [
            History("eval", "u1", ["a"], [1], "b", 45, [], {}, {}),
            History("test", "u1", ["a", "b"], [1, 45], "c", 55, [], {}, {}),
            History("test", "u2", ["a"], [45], "b", 55, [], {}, {}),
        ],
        {"targets_without_history": 2, "examples": {"train": 0, "eval": 1, "test": 2}},
    )


def test_dropped_interactions_are_counted() -> None:
    rows: Rows = [("u1", "a", 1), ("u1", "rare", 2), ("u2", "a", 3), ("u2", "a", 4)]

    check_build(
        [interactions(rows)],
        config.LeaveOneOut(),
        [History("test", "u2", ["a"], [3], "a", 4, [], {}, {})],
        {"below_item_minimum": 1, "below_user_minimum": 1, "interactions": 2, "users": 1, "items": 1},
        min_item_interactions=2,
        min_user_interactions=2,
    )


@pytest.mark.parametrize("split", [config.LeaveOneOut(), config.Temporal(kind="temporal")])
def test_an_empty_log_has_no_histories(split: Any) -> None:
    check_build([interactions([])], split, [], {"users": 0, "items": 0, "first_timestamp_s": None, "cuts_s": None})

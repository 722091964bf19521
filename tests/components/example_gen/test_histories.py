import random
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
import tensorflow as tf
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from components.example_gen.histories import BuildHistories, HistoryExample, histories, to_example
from components.example_gen.splits import split_history
from components.example_gen.timelines import Timeline
from schemas import config
from schemas.config.log import UsersTableConfig
from tests.components.logs import data, history, interactions, local_pipeline
from tests.components.protocols import (
    ALL,
    LEAVE_ONE_OUT,
    NEXT,
    Protocol,
    build,
    session,
)


def test_histories_hold_the_most_recent_items_and_exclude_older_ones() -> None:
    items = ["b", "a", "c", "b", "a", "d", "e"]
    line = Timeline("u", items, [0.0, 1.0, 2.0, 3.0, 4.0, 5.9, 6.5], {})
    user_split = split_history(line.timestamps_s, LEAVE_ONE_OUT, None)

    *_, test = histories(line, user_split, max_length=3, of_user={"user_age": 30.0})

    assert test == HistoryExample(
        split="test",
        user_id="u",
        item_ids=["b", "a", "d"],
        timestamps_s=[3, 4, 5],
        target_ids=["e"],
        target_timestamp_s=6,
        exclude_ids=["c"],  # a and b were seen as well, but are in the history
        further={},
        target_further={},
        train_interactions=5,
        of_user={"user_age": 30.0},
    )


def test_histories_of_training_exclude_nothing() -> None:
    found = build([float(i) for i in range(20)], Protocol(LEAVE_ONE_OUT, None), max_length=3)

    assert [h.exclude_ids for h in found if h.split == "train"] == [[]] * 6


@pytest.mark.parametrize(("split", "targets"), [(NEXT, ["c"]), (ALL, ["c", "a", "d"])], ids=["next", "all"])
def test_histories_of_temporal_predict_the_next_item_or_each_later_one_once(
    split: config.TemporalSplitConfig, targets: list[str]
) -> None:
    line = Timeline("u", ["a", "b", "b", "c", "a", "c", "d"], [1.0, 2.0, 12.0, 20.0, 21.0, 22.0, 23.0], {})
    user_split = split_history(line.timestamps_s, split, (10.0, 20.0))

    assert [(h.split, h.target_ids, h.target_timestamp_s) for h in histories(line, user_split, 3, {})] == [
        ("train", ["b"], 2),
        ("eval", ["b"], 12),
        ("test", targets, 20),
    ]


def test_to_example_has_the_features_of_the_schema_and_fixed_bytes() -> None:
    found = history("test", "ü", ["a", "b"], [1, 2], ["c", "d"], 3, ["x", "y"], 7, {"user_sex": "f", "user_age": 30.5})

    example = tf.train.Example.FromString(to_example(found))

    features = example.features.feature
    assert features["user_id"].bytes_list.value == ["ü".encode()]
    assert features["item_ids"].bytes_list.value == [b"a", b"b"]
    assert features["timestamps_s"].int64_list.value == [1, 2]
    assert features["target_id"].bytes_list.value == [b"c"]
    assert features["target_ids"].bytes_list.value == [b"c", b"d"]
    assert features["target_timestamp_s"].int64_list.value == [3]
    assert features["exclude_ids"].bytes_list.value == [b"x", b"y"]
    assert features["train_interactions"].int64_list.value == [7]
    assert features["user_sex"].bytes_list.value == [b"f"]
    assert features["user_age"].float_list.value == [30.5]
    assert features["split"].bytes_list.value == [b"test"]
    assert len(features) == 11
    assert len({to_example(found) for _ in range(20)}) == 1


Rows = list[tuple[str, str, float]]


def check_build(
    batches: list[pa.RecordBatch], split: Any, expected: list[HistoryExample], counts: dict[str, Any], **minimums: Any
) -> None:
    """Check the output of `BuildHistories`, and those of its counts that are named."""
    with local_pipeline() as pipeline:
        built = (
            pipeline
            | beam.Create(batches)
            | BuildHistories(data(**minimums), split, config.HistoryConfig(max_length=3))
        )
        assert_that(built["histories"], equal_to(expected), label="Histories")
        named = built["counts"] | beam.Map(lambda found: {name: found[name] for name in counts})
        assert_that(named, equal_to([counts]), label="Counts")


def expected_histories(rows: Rows, protocol: Protocol) -> list[HistoryExample]:
    """Build the examples by sorting the whole log, in which no user has two rows at the same time."""
    found = []
    for user, group in groupby(sorted(rows, key=lambda row: (row[0], row[2])), key=lambda row: row[0]):
        _, items, times = zip(*group, strict=True)
        line = Timeline(user, list(items), list(times), {})
        found += list(histories(line, split_history(line.timestamps_s, *protocol), max_length=3, of_user={}))
    return found


ROWS: Rows = [(f"u{i % 7}", f"i{i % 11}", float(i)) for i in range(60)]
TEMPORAL = config.TemporalSplitConfig(
    kind="temporal",
    validation_from=datetime.fromtimestamp(40, timezone.utc),
    test_from=datetime.fromtimestamp(50, timezone.utc),
)


@pytest.mark.parametrize(
    "protocol",
    [
        Protocol(LEAVE_ONE_OUT, None),
        Protocol(TEMPORAL, (40.0, 50.0)),
        Protocol(ALL.model_copy(update={"validation_share": 0.2}), (42.0, 54.0)),
        Protocol(session(gap_s=7.0).model_copy(update={"validation_share": 0.2}), (42.0, 54.0)),
    ],
    ids=["leave_one_out", "times", "shares", "session"],
)
@settings(max_examples=4)
@given(seed=st.integers(0, 1000), size=st.integers(1, 60))
def test_build_histories_ignores_the_order_of_rows(protocol: Protocol, seed: int, size: int) -> None:
    shuffled = random.Random(seed).sample(ROWS, len(ROWS))
    batches = [interactions(shuffled[i : i + size]) for i in range(0, len(ROWS), size)]
    expected = expected_histories(ROWS, protocol)

    check_build(
        batches,
        protocol.split,
        expected,
        {
            "users": 7,
            "items": 11,
            "interactions": 60,
            "ties": 0,
            "first_timestamp_s": 0.0,
            "last_timestamp_s": 59.0,
            "split_times_s": protocol.split_times_s,
            "examples": {name: sum(h.split == name for h in expected) for name in ("train", "eval", "test")},
        },
    )


def test_build_histories_breaks_ties_by_file_and_line_and_counts_them() -> None:
    batches = [
        interactions([("u", "e", 5.0), ("u", "f", 6.0)], file="b.csv", first_line=2),
        interactions([("u", "c", 5.0), ("u", "d", 5.0)], file="a.csv", first_line=10),
        interactions([("u", "a", 4.0), ("u", "b", 5.0)], file="a.csv", first_line=2),
    ]

    check_build(
        batches,
        LEAVE_ONE_OUT,
        [
            history("train", "u", ["a", "b", "c"], [4, 5, 5], ["d"], 5, [], 4),
            history("eval", "u", ["b", "c", "d"], [5, 5, 5], ["e"], 5, ["a"], 4),
            history("test", "u", ["c", "d", "e"], [5, 5, 5], ["f"], 6, ["a", "b"], 4),
        ],
        {"ties": 3},
    )


def test_build_histories_counts_roles_and_warm_users() -> None:
    rows: Rows = [("u1", "a", 1), ("u1", "b", 45), ("u1", "c", 55), ("u2", "a", 45), ("u2", "b", 55), ("u3", "a", 55)]

    check_build(
        [interactions(rows)],
        TEMPORAL,
        [
            history("eval", "u1", ["a"], [1], ["b"], 45, [], 1),
            history("test", "u1", ["a", "b"], [1, 45], ["c"], 55, [], 1),
            history("test", "u2", ["a"], [45], ["b"], 55, [], 0),
        ],
        {
            "examples": {"train": 0, "eval": 1, "test": 2},
            "test_users": {"warm": 1, "cold": 1},  # u3 has no test example
            "roles": {
                "trained_on": 0,
                "eval_targets": 1,
                "test_targets": 2,
                "targets_without_history": 2,
                "history_only": 1,
                "in_no_example": 0,
            },
        },
    )


def test_build_histories_counts_a_user_of_many_sessions_once() -> None:
    rows: Rows = [("u", item, time) for item, time in [("a", 1), ("b", 2), ("c", 50), ("d", 51), ("e", 60), ("f", 61)]]

    check_build(
        [interactions(rows)],
        config.SessionSplitConfig(
            kind="session", gap_s=5.0, validation_from=TEMPORAL.validation_from, test_from=TEMPORAL.test_from
        ),
        [
            history("train", "u", ["a"], [1], ["b"], 2, [], 2),
            history("test", "u", ["c"], [50], ["d"], 51, [], 2),
            history("test", "u", ["e"], [60], ["f"], 61, [], 2),
        ],
        {"users": 1, "examples": {"train": 1, "eval": 0, "test": 2}, "test_users": {"warm": 1, "cold": 0}},
    )


def test_build_histories_adds_the_columns_of_users_to_every_example(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,sex,age\nu1,f,30\nu9,m,40\n")
    columns = {"sex": {"column": "sex"}, "years": {"column": "age", "kind": "number"}}
    users = UsersTableConfig.model_validate({"path": str(tmp_path / "users.csv"), "id": "id", "columns": columns})
    rows: Rows = [(user, f"i{time}", time) for user in ("u1", "u2") for time in range(4)]

    with local_pipeline() as pipeline:
        build_histories = BuildHistories(data(users=users), LEAVE_ONE_OUT, config.HistoryConfig())
        built = pipeline | beam.Create([interactions(rows)]) | build_histories
        known = built["histories"] | beam.Map(
            lambda h: (h.split, h.user_id, h.of_user["user_sex"], str(h.of_user["user_years"]))
        )
        assert_that(
            known,
            equal_to(
                [
                    (split, *of_user)
                    for split in ("train", "eval", "test")
                    for of_user in (("u1", "f", "30.0"), ("u2", "", "nan"))
                ]
            ),
        )
        lacking = built["counts"] | beam.Map(lambda counts: counts["users_not_in_table"])
        assert_that(lacking, equal_to([1]), label="lacking")


def test_build_histories_counts_dropped_interactions() -> None:
    rows: Rows = [("u1", "a", 1), ("u1", "rare", 2), ("u2", "a", 3), ("u2", "a", 4)]

    check_build(
        [interactions(rows)],
        LEAVE_ONE_OUT,
        [history("test", "u2", ["a"], [3], ["a"], 4)],
        {"below_item_minimum": 1, "below_user_minimum": 1, "interactions": 2, "users": 1, "items": 1},
        min_item_interactions=2,
        min_user_interactions=2,
    )


@pytest.mark.parametrize("split", [LEAVE_ONE_OUT, NEXT, session(None)])
def test_build_histories_of_an_empty_log_is_empty(split: Any) -> None:
    check_build(
        [interactions([])], split, [], {"users": 0, "items": 0, "first_timestamp_s": None, "split_times_s": None}
    )

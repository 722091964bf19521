"""The transform from interactions to files, run by Beam."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from components.example_gen.counts.interaction_counts import COUNTS_FILE
from components.example_gen.counts.report import LEFT_OUT
from components.example_gen.examples.build_histories import BuildHistories
from components.example_gen.interactions.spill import SpillRows
from components.example_gen.tables.side_tables import read_table
from schemas import config
from schemas.config.tables import UsersTableConfig
from schemas.features import SPLITS
from tests.components.example_gen.examples.test_histories import Rows, one_by_one
from tests.components.history_example import HistoryExample, read_examples, to_example
from tests.components.logs import data, history, interactions, local_pipeline
from tests.components.protocols import ALL, LEAVE_ONE_OUT, NEXT, Protocol, session


def check_build(
    batches: list[pa.RecordBatch], split: Any, expected: list[HistoryExample], counts: dict[str, Any], **settings: Any
) -> None:
    """Check the files of `BuildHistories`, and those of its counts that are named."""
    with TemporaryDirectory() as folder:
        log = data(**settings)
        build_histories = BuildHistories(
            log, split, config.HistoryConfig(max_length=3), f"{folder}/examples", f"{folder}/scratch"
        )
        with local_pipeline() as pipeline:
            rows = list(read_table(log.users, ())) if log.users else []
            spills = {
                name: pipeline
                | name >> beam.Create(found)
                | f"Spill {name}" >> beam.ParDo(SpillRows(f"{folder}/scratch"))
                for name, found in {"interactions": batches, "users": rows}.items()
            }
            built = spills | build_histories
            named = built["counts"] | beam.Map(lambda found: {name: found[name] for name in counts})
            assert_that(named, equal_to([counts]), label="Counts")
            names = built["files"] | beam.Map(lambda path: path.removeprefix(f"{folder}/examples/"))
            assert_that(
                names, equal_to([COUNTS_FILE, *(f"Split-{split}/data_tfrecord-00000-of-00001.gz" for split in SPLITS)])
            )
        found = read_examples(Path(folder) / "examples")
        assert sorted(map(to_example, found)) == sorted(map(to_example, expected))


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
    expected = one_by_one(ROWS, protocol, max_length=3)

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

    known = {"u1": {"user_sex": "f", "user_years": 30.0}, "u2": {"user_sex": "", "user_years": float("nan")}}

    check_build(
        [interactions(rows)],
        LEAVE_ONE_OUT,
        [
            each._replace(of_user=known[each.user_id])
            for each in one_by_one(rows, Protocol(LEAVE_ONE_OUT, None), max_length=3)
        ],
        {"users_not_in_table": 1},
        users=users,
    )


def test_build_histories_counts_what_is_left_out() -> None:
    rows: Rows = [("u1", "a", 1), ("u1", "a", 2), ("u1", "b", 9), ("u2", "a", 3), ("u2", "a", 4)]

    check_build(
        [interactions(rows)],
        LEAVE_ONE_OUT,
        [history("test", "u1", ["a"], [1], ["b"], 9)],
        {
            "left_out": {**dict.fromkeys(LEFT_OUT, 0), "repeats": 2, "below_user_minimum": 1},
            "interactions": 2,
            "users": 1,
            "items": 2,
        },
        cleaning={"repeat_gap_s": 1.0},
        min_user_interactions=2,
    )


@pytest.mark.parametrize("split", [LEAVE_ONE_OUT, NEXT, session(None)])
def test_build_histories_of_an_empty_log_is_empty(split: Any) -> None:
    check_build(
        [interactions([])], split, [], {"users": 0, "items": 0, "first_timestamp_s": None, "split_times_s": None}
    )

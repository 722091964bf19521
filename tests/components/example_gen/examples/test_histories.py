"""Examples as columns, parsed back to Python objects."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.examples import histories
from components.example_gen.examples.example_encoder import encode_examples
from components.example_gen.examples.histories import history_batches
from components.example_gen.examples.splits import split_timelines
from components.example_gen.interactions.timelines import build_timelines
from schemas import config
from schemas.config.log import Feature
from schemas.interaction import interaction_schema
from tests.components.example_gen.examples import user_splits
from tests.components.history_example import HistoryExample, from_example, to_example
from tests.components.logs import history, interactions
from tests.components.protocols import (
    ALL,
    LEAVE_ONE_OUT,
    LENGTHS,
    NEXT,
    PROTOCOLS,
    Protocol,
    build,
    build_all,
    timelines,
)


def test_histories_hold_the_most_recent_items_and_exclude_older_ones() -> None:
    times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.9, 6.5]
    users = timelines([("u", item, time) for item, time in zip("bacbade", times, strict=True)])

    *_, test = build_all(users, Protocol(LEAVE_ONE_OUT, None), max_length=3)

    # a and b were seen as well, but are in the history
    assert test == history("test", "u", ["b", "a", "d"], [3, 4, 5], ["e"], 6, ["c"], train_interactions=5)


def test_histories_of_training_exclude_nothing() -> None:
    found = build([float(i) for i in range(20)], Protocol(LEAVE_ONE_OUT, None), max_length=3)

    assert [h.exclude_ids for h in found if h.split == "train"] == [[]] * 6


@pytest.mark.parametrize(("split", "targets"), [(NEXT, ["c"]), (ALL, ["c", "a", "d"])], ids=["next", "all"])
def test_histories_of_temporal_predict_the_next_item_or_each_later_one_once(
    split: config.TemporalSplitConfig, targets: list[str]
) -> None:
    users = timelines([("u", *row) for row in zip("abbcacd", (1, 2, 12, 20, 21, 22, 23), strict=True)])

    found = build_all(users, Protocol(split, (10.0, 20.0)), max_length=3)

    assert [(h.split, h.target_ids, h.target_timestamp_s) for h in found] == [
        ("train", ["b"], 2),
        ("eval", ["b"], 12),
        ("test", targets, 20),
    ]


Rows = list[tuple[str, str, float]]
ROWS = st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abcdé"), st.integers(0, 20).map(float)), max_size=40)


def one_by_one(rows: Rows, protocol: Protocol, max_length: int) -> list[HistoryExample]:
    """Return the examples of a log, user by user, with the reference of the splits."""
    found = []
    for user, group in groupby(sorted(rows, key=lambda row: (row[0], row[2])), key=lambda row: row[0]):
        _, items, times = zip(*group, strict=True)
        user_split = user_splits.split_history(times, *protocol)
        found += [
            history(
                split,
                user,
                items[start:first],
                [int(time) for time in times[start:first]],
                list(dict.fromkeys(items[first:end])),
                int(times[first]),
                sorted(set(items[begin:start]) - set(items[start:first])),
                user_split.train_interactions,
            )
            for split, begin, start, first, end in user_splits.examples(user_split, max_length)
        ]
    return found


@pytest.mark.parametrize("interactions_per_batch", [1, 7, 1_000_000])
@given(rows=ROWS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_histories_of_many_users_are_those_of_each(
    interactions_per_batch: int, rows: Rows, protocol: Protocol, max_length: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories, "BATCH_INTERACTIONS", interactions_per_batch)
        found = build_all(timelines(rows), protocol, max_length)
    assert sorted(map(to_example, found)) == sorted(map(to_example, one_by_one(rows, protocol, max_length)))
    keys = [("train", "eval", "test").index(each.split) for each in found]
    assert keys == sorted(keys)


def test_example_has_the_features_of_the_schema() -> None:
    features = [
        Feature(name="event", column="e", kind="category", of="interaction", separator=None),
        Feature(name="value", column="v", kind="number", of="interaction", separator=None),
    ]
    schema = interaction_schema(features)
    (batch,) = pa.Table.from_batches([interactions([("ü", "a", 1.5), ("ü", "b", 2.0), ("ü", "c", 3.0)])]).to_batches()
    further = [pa.array(["click", "", "buy"]), pa.array([1.5, float("nan"), 2.0])]
    users = build_timelines([pa.RecordBatch.from_arrays([*batch.columns, *further], schema=schema)], schema)
    found = split_timelines(users.timestamps_s, users.offsets, LEAVE_ONE_OUT, None, max_length=5)
    of_user = {"user_sex": pa.array(["f"]), "user_age": pa.array([30.5])}

    (columns,) = history_batches(users, "test", found.examples["test"], found.train_interactions, of_user)

    (example,) = map(from_example, encode_examples(columns).to_pylist())
    np.testing.assert_equal(
        example._asdict(),
        history(
            "test",
            "ü",
            ["a", "b"],
            [1, 2],
            ["c"],
            3,
            train_interactions=1,
            of_user={"user_age": 30.5, "user_sex": "f"},
        )
        ._replace(
            further={"event": ["click", ""], "value": [1.5, float("nan")]},
            target_further={"event": "buy", "value": 2.0},
        )
        ._asdict(),
    )
    assert len(columns.schema.names) == 15

"""Counts of interactions, compared with counts of the rows one by one."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.counts.interaction_counts import (
    EVERYONE,
    SAMPLED_PER_BUCKET,
    count_interactions,
    merge_counts,
)
from components.example_gen.interactions.spill import hashes_of
from components.example_gen.interactions.timelines import Timelines, build_timelines
from schemas.config.columns import TimestampConfig
from schemas.interaction import interaction_schema
from tests.components.logs import data
from tests.components.protocols import timelines

Row = tuple[str, str, float, str]  # user, item, time, event
Counts = dict[tuple[str, str, int], int]

CONFIG = data(further={"event": "event"})
ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.floats(0, 1e6), st.sampled_from(["buy", "view", ""])),
    max_size=30,
)


def with_events(rows: list[Row]) -> Timelines:
    schema = interaction_schema(CONFIG.features)
    users, items, times, events = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = [users, items, times, ["log.csv"] * len(rows), range(len(rows)), events]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return build_timelines([pa.RecordBatch.from_arrays(arrays, schema=schema)], schema)


def as_dict(table: pa.Table) -> Counts:
    return {(row["feature"], row["value"], row["user"]): row["count"] for row in table.to_pylist()}


def hash_of(user: str) -> int:
    return int(hashes_of(pa.array([user]))[0])


def one_by_one(rows: list[Row]) -> Counts:
    found: Counter[tuple[str, str, int]] = Counter({("", "", EVERYONE): len({row[0] for row in rows})})
    seen: Counter[str] = Counter()
    for user, item, time, event in sorted(rows, key=lambda row: row[2]):
        seen[user] += 1
        power = 0
        while 2 ** (power + 1) <= seen[user]:
            power += 1
        for owner in (EVERYONE, hash_of(user)):
            found[("item_id", item, owner)] += 1
            found[("event", event, owner)] += 1
            found[("hour", str(int(time // 3600)), owner)] += 1
            found[("history_length", str(power), owner)] += 1
    return dict(found)


@given(ROWS)
def test_counts_are_those_of_each_row(rows: list[Row]) -> None:
    assert as_dict(merge_counts([count_interactions(with_events(rows), CONFIG)])) == one_by_one(rows)


@given(ROWS)
def test_counts_of_parts_of_the_users_sum_to_those_of_all(rows: list[Row]) -> None:
    parts = [count_interactions(with_events([row for row in rows if row[0] == user]), CONFIG) for user in "bca"]
    whole = merge_counts([count_interactions(with_events(rows), CONFIG)])
    assert merge_counts([merge_counts(parts[:2]), parts[2]]).equals(whole)


def test_sample_has_the_users_with_the_lowest_hashes_of_each_bucket() -> None:
    users = [f"u{number}" for number in range(5_000)]
    counted = count_interactions(timelines([(user, "i", 0.0) for user in users]), data())
    sampled = {row["user"] for row in counted.to_pylist() if row["feature"] == "item_id"} - {EVERYONE}

    by_bucket: dict[int, list[int]] = {}
    for number in sorted(hashes_of(pa.array(users)).tolist()):
        by_bucket.setdefault(number >> 56, []).append(number)
    assert sampled == {number for numbers in by_bucket.values() for number in numbers[:SAMPLED_PER_BUCKET]}


def test_log_without_times_has_no_hours() -> None:
    ordered = data(timestamp=TimestampConfig(unit="order"))
    counted = merge_counts([count_interactions(timelines([("u", "i", 7.0)]), ordered)])
    assert set(counted.column("feature").to_pylist()) == {"", "item_id", "history_length"}

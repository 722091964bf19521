"""A shard that is cleaned in parts has the interactions and the counts of the plain way."""

from __future__ import annotations

import random
from collections import Counter
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.example_gen.cleaning import long_shards, shard_work
from components.example_gen.cleaning.rules import clean
from components.example_gen.counts.file_counts import by_rule
from components.example_gen.interactions.spill import Spill, write_spill
from components.example_gen.interactions.timelines import Timelines, build_timelines
from schemas.config.log import DataConfig
from schemas.interaction import interaction_schema
from tests.components.example_gen.interactions.test_timelines import by_user
from tests.components.logs import data

Row = tuple[str, str, float, str, float]  # user, item, time, event, units

DAY_S = 86_400.0
EVENTS = ["view", "buy"]
RULES = st.fixed_dictionaries(
    {"keep_last": st.integers(1, 5)},
    optional={
        "max_per_day": st.integers(5, 40),
        "drop_duplicates": st.just(True),
        "returns": st.just({"column": "quantity"}),
        "repeat_gap_s": st.sampled_from([1.0, 3.0, 8.0]),
    },
)


def random_rows(seed: int, count: int) -> list[Row]:
    """Return rows of two users, with few times, so that many are equal, on both sides of midnight."""
    draw = random.Random(seed)
    units = [float("nan"), *map(float, range(-3, 4))]
    return [
        (draw.choice("uuuv"), draw.choice("abc"), DAY_S + draw.randint(-9, 9), draw.choice(EVENTS), draw.choice(units))
        for _ in range(count)
    ]


def batches(rows: list[Row], log: DataConfig, size: int) -> list[pa.RecordBatch]:
    """Return the rows, of two files, in batches."""
    schema = interaction_schema(log.carried)
    users, items, times, events, units = (list(column) for column in zip(*rows, strict=True))
    columns = [
        users,
        items,
        times,
        [f"{line % 2}.csv" for line in range(len(rows))],
        list(range(len(rows))),
        events,
        units,
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=False)]
    every = pa.RecordBatch.from_arrays(arrays, schema=schema)
    return [every.slice(start, size) for start in range(0, len(rows), size)]


def everything(found: Timelines) -> list[Any]:
    further = {
        name: [str(value) for value in column.to_pylist()]  # NaN equals itself as text
        for name, column in found.further.items()
    }
    return [by_user(found), further]


@settings(max_examples=100)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 60),
    rules=RULES,
    events=st.booleans(),
    size=st.integers(1, 70),
    part_rows=st.integers(1, 20),
)
def test_parts_give_the_interactions_and_counts_of_the_plain_way(
    seed: int, count: int, rules: dict[str, Any], events: bool, size: int, part_rows: int
) -> None:
    log = data(further={"event": "action"}, cleaning=rules, events={"buy": 1.0} if events else None)
    every = batches(random_rows(seed, count), log, size)
    expected, counts = clean(build_timelines(every, interaction_schema(log.carried)), log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_shards, "SAMPLED", 1)
        found, found_counts = long_shards.clean_by_time(lambda: every, log, part_rows)

    assert everything(found) == everything(expected)
    assert +found_counts == +counts


def test_parts_are_about_as_large_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def measured(rows: list[pa.RecordBatch], schema: pa.Schema) -> Timelines:
        sizes.append(sum(batch.num_rows for batch in rows))
        return build_timelines(rows, schema)

    monkeypatch.setattr(long_shards, "build_timelines", measured)
    log = data(further={"event": "action"}, cleaning={"keep_last": 3})
    count = 100_000
    rows: list[Row] = [("u", f"i{n % 999}", float(n * 7919 % count), "view", 1.0) for n in range(count)]

    found, counts = long_shards.clean_by_time(lambda: batches(rows, log, 10_000), log, part_rows=5_000)

    assert max(sizes) < 10_000
    assert found.timestamps_s.tolist() == [count - 3, count - 2, count - 1]
    assert by_rule(counts) == {"older": count - 3}


def test_load_timelines_gives_the_same_for_a_long_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_shards, "SAMPLED", 1)
    rules = {"keep_last": 2, "repeat_gap_s": 5.0, "returns": {"column": "quantity"}}
    log = data(further={"event": "action"}, cleaning=rules)
    rows: list[Row] = [("u", f"i{time * 7919 % 9}", float(time), "view", 1.0) for time in range(300)]
    rows += [("v", "i1", 400.0, "view", 1.0), ("v", "i1", 401.0, "view", -1.0), ("v", "i2", 402.0, "view", 1.0)]
    with TemporaryDirectory() as folder:
        spills = [write_spill([batch], folder) for batch in batches(rows, log, 50)]

        plain, by_parts = (load_all(spills, log, rows_per_shard) for rows_per_shard in (1_000, 20))

    assert by_parts == plain
    users, counts, further = plain
    assert users["v"] == [("i2", 402.0)]
    assert (counts["returned"], counts["returns"]) == (1, 1)
    assert sum(counts.values()) + sum(map(len, users.values())) == len(rows)
    assert further == {"event"}  # not the units


def load_all(
    spills: list[Spill], log: DataConfig, rows_per_shard: int
) -> tuple[dict[str, list[tuple[str, float]]], Counter[str], set[str]]:
    """Return the interactions of all shards by user, the counts, and the names of the further columns."""
    users: dict[str, list[tuple[str, float]]] = {}
    counts, further = Counter[str](), set[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_work, "ROWS_PER_SHARD", rows_per_shard)
        for work in shard_work.shard_work(spills, []):
            timelines, found = shard_work.load_timelines(work, log, pa.array([], pa.string()))
            users.update(by_user(timelines))
            counts.update(by_rule(found))
            further.update(timelines.further)
    return users, counts, further

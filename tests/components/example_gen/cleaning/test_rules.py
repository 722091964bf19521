from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.example_gen.cleaning.rules import DAY_S, clean, keep_frequent
from components.example_gen.counts.file_counts import by_rule
from schemas.config.columns import TimestampConfig
from tests.components.example_gen.interactions.test_timelines import by_user
from tests.components.logs import data
from tests.components.protocols import timelines

Rows = list[tuple[str, str, float]]


def cleaned(rows: Rows, **rules: Any) -> tuple[dict[str, list[tuple[str, float]]], dict[str, int]]:
    found, counts = clean(timelines(rows), data(cleaning=rules))
    return by_user(found), dict(by_rule(counts))


def test_user_with_too_many_interactions_in_a_day_is_left_out() -> None:
    midnight = 3 * DAY_S
    person: Rows = [("person", "a", midnight - 2), ("person", "b", midnight - 1), ("person", "c", midnight)]
    bot: Rows = [("bot", item, midnight + 5) for item in "abc"]

    kept, counts = cleaned([*person, *bot, ("bot", "z", 1.0)], max_per_day=2)

    assert list(kept) == ["person"]
    assert counts == {"bots": 4}


def test_duplicate_equals_another_interaction_in_every_column() -> None:
    rows: Rows = [("u", "a", 1), ("u", "b", 1), ("u", "a", 1), ("u", "a", 1), ("u", "a", 2), ("v", "a", 1)]
    events = pa.array(["view", "view", "buy", "view", "view", "view"])

    found, counts = clean(replace(timelines(rows), further={"event": events}), data(cleaning={"drop_duplicates": True}))

    assert by_user(found) == {"u": [("a", 1), ("b", 1), ("a", 1), ("a", 2)], "v": [("a", 1)]}
    assert found.further["event"].to_pylist() == ["view", "view", "buy", "view", "view"]
    assert by_rule(counts) == {"duplicates": 1}


def test_repeat_is_the_same_item_within_the_gap_also_after_a_repeat() -> None:
    rows: Rows = [("u", "a", 0), ("u", "b", 3), ("u", "a", 5), ("u", "a", 10), ("u", "a", 16), ("v", "a", 17)]

    kept, counts = cleaned(rows, repeat_gap_s=5.0)

    assert kept == {"u": [("a", 0), ("b", 3), ("a", 16)], "v": [("a", 17)]}
    assert counts == {"repeats": 2}


def test_older_interactions_are_those_before_the_last() -> None:
    kept, counts = cleaned([("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("v", "d", 1)], keep_last=2)

    assert kept == {"u": [("b", 2), ("c", 3)], "v": [("d", 1)]}
    assert counts == {"older": 1}


def test_other_events_are_left_out_after_returns_and_before_repeats() -> None:
    rows: Rows = [("u", "a", 1), ("u", "a", 2), ("u", "b", 3), ("u", "b", 4), ("u", "c", 5)]
    further = {
        "event": pa.array(["view", "buy", "buy", "refund", ""]),
        "__units__": pa.array([float("nan"), 1.0, 1.0, -1.0, float("nan")]),
    }
    log = data(
        further={"event": "action"},
        events={"buy": 1.0},
        cleaning={"returns": {"column": "quantity"}, "repeat_gap_s": 9.0},
    )

    found, counts = clean(replace(timelines(rows), further=further), log)

    assert by_user(found) == {"u": [("a", 2)]}  # the view just before is no repeat
    assert by_rule(counts) == {"returned": 1, "returns": 1, "other_events": 2}


def test_without_rules_everything_is_kept() -> None:
    assert cleaned([("u", "a", 1), ("u", "a", 1)]) == ({"u": [("a", 1), ("a", 1)]}, {})


ROWS = st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abc"), st.integers(0, 5).map(float)), max_size=30)


@given(rows=ROWS, most=st.integers(1, 6), gap_s=st.integers(1, 3).map(float), last=st.integers(1, 4))
def test_rules_apply_one_after_the_other_and_count_each_interaction_once(
    rows: Rows, most: int, gap_s: float, last: int
) -> None:
    kept, counts = cleaned(rows, max_per_day=most, drop_duplicates=True, repeat_gap_s=gap_s, keep_last=last)

    expected: dict[str, list[tuple[str, float]]] = {}
    left_out = Counter[str]()
    users = defaultdict(list)
    for user, item, time in sorted(rows, key=lambda row: (row[0], row[2])):
        users[user].append((item, time))
    for user, every in users.items():
        if len(every) > most:  # all times are in one day
            left_out["bots"] += len(every)
            continue
        distinct = list(dict.fromkeys(every))
        times: dict[str, float] = {}
        first = []
        for item, time in distinct:
            if not (item in times and time - times[item] <= gap_s):
                first.append((item, time))
            times[item] = time
        left_out.update(
            duplicates=len(every) - len(distinct),
            repeats=len(distinct) - len(first),
            older=len(first) - len(first[-last:]),
        )
        expected[user] = first[-last:]
    assert kept == expected
    assert +Counter(counts) == +left_out


def test_rare_items_are_left_out_before_users_with_few_interactions() -> None:
    rows: Rows = [("u", "a", 1), ("u", "rare", 2), ("v", "a", 1), ("v", "b", 2)]

    found, counts = keep_frequent(timelines(rows), data(min_user_interactions=2), pa.array(["rare", "unknown"]))

    assert by_user(found) == {"v": [("a", 1), ("b", 2)]}
    assert by_rule(counts) == {"below_item_minimum": 1, "below_user_minimum": 1}


def test_clean_applies_only_the_rules_that_are_asked_for() -> None:
    rows: Rows = [("u", "a", 1), ("u", "a", 1), ("u", "b", 2)]

    found, counts = clean(timelines(rows), data(cleaning={"drop_duplicates": True, "keep_last": 1}), ["older"])

    assert by_user(found) == {"u": [("b", 2)]}
    assert by_rule(counts) == {"older": 2}


@pytest.mark.parametrize("rule", [{"max_per_day": 5}, {"repeat_gap_s": 1.0}])
def test_rules_about_times_are_refused_for_an_order(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="unit is order"):
        data(timestamp=TimestampConfig(unit="order"), cleaning=rule)

"""Alarms about unchanged and changed data. The logs are drawn from a population, see `shop`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from components.data_validator.comparison import compare_logs
from components.data_validator.features import LogCounts
from tests.components.data_validator.shop import (
    Rows,
    counted,
    draw_rows,
    with_bot,
    with_doubled_category,
    with_other_time_zone,
    without_a_day,
)

USERS = 400
UNCHANGED, CHANGED = 200, 20
FEATURES = {"item_id", "event", "history_length", "hour", "weekday"}


def alarms(reference: LogCounts, log: LogCounts, minimum: float = 0.0) -> set[str]:
    found = compare_logs(reference, log, "previous_run", minimum)
    assert {each.feature for each in found} == FEATURES
    assert all(each.alarm == (each.distance > each.threshold) for each in found)
    return {each.feature for each in found if each.alarm}


def test_unchanged_data_raise_an_alarm_in_at_most_5_percent_of_200_resamples() -> None:
    raised = 0
    for seed in range(UNCHANGED):
        users = (USERS, USERS // 2, 2 * USERS)[seed % 3]
        raised += bool(alarms(counted(draw_rows(USERS, 2 * seed)), counted(draw_rows(users, 2 * seed + 1))))
    assert raised <= 0.05 * UNCHANGED


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        (with_doubled_category, "event"),
        (with_other_time_zone, "hour"),
        (without_a_day, "weekday"),
        (with_bot, "history_length"),
    ],
)
def test_change_raises_an_alarm_in_at_least_95_percent(change: Callable[[Rows, int], Rows], feature: str) -> None:
    raised = 0
    for seed in range(CHANGED):
        reference, rows = draw_rows(USERS, 1000 + 2 * seed), draw_rows(USERS, 1001 + 2 * seed)
        raised += feature in alarms(counted(reference), counted(change(rows, seed)))
    assert raised >= 0.95 * CHANGED

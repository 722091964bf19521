from __future__ import annotations

import numpy as np
import pytest

from pipeline.report.drift import distances, drift
from pipeline.report.lengths import HistoryLengths

SUMMARY = {"queries": 8, "slices": {"activity": {"new": {"queries": 2}, "1-4": {"queries": 6}}}}
LENGTHS = {"train": HistoryLengths(10, 4.5, [*range(11)]), "test": HistoryLengths(8, 5.5, [*range(1, 12)])}


def test_distance_is_the_fraction_that_would_have_to_change() -> None:
    # In training 1/2, 1/4, 1/4, 0; in test 1/4, 1/4, 1/4, 1/4: one quarter moves.
    found, _ = distances(np.array([2, 1, 1, 0]), np.array([1, 1, 1, 1]))
    assert found == pytest.approx(0.25)


def test_distance_of_equal_shares_is_0_and_of_disjoint_items_is_1() -> None:
    assert distances(np.array([4, 2, 0]), np.array([2, 1, 0]))[0] == pytest.approx(0)
    assert distances(np.array([4, 2, 0]), np.array([0, 0, 3]))[0] == pytest.approx(1)


def test_distance_by_chance_is_large_for_few_targets_only() -> None:
    even = np.full(100, 7)
    # With 100 equal items, one target leaves 99 items without a target: 1 - 1/100. For a million it is near 0.
    assert distances(even, np.eye(1, 100, dtype=np.int64)[0])[1] == pytest.approx(0.99)
    assert distances(even, np.full(100, 10_000))[1] < 0.01


def test_drift_has_the_new_items_users_and_lengths() -> None:
    found = {each.quantity: each.value for each in drift(np.array([3, 1, 0]), np.array([1, 1, 2]), SUMMARY, LENGTHS)}
    assert found["new items"] == "50.00% of the test targets"
    assert found["new users"] == "25.00% of the test queries"
    assert found["history length"] == "median 6 in test, 5 in training"
    assert found["item popularity"].startswith("0.50; ")


def test_drift_of_an_empty_split_is_empty() -> None:
    assert drift(np.zeros(2, np.int64), np.zeros(2, np.int64), {"queries": 0}, {}) == []

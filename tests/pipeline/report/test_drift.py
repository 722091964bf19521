from __future__ import annotations

import numpy as np
import pytest

from pipeline.report.drift import distances, drift
from pipeline.report.lengths import Lengths

SUMMARY = {"queries": 8, "slices": {"activity": {"new": {"queries": 2}, "1-4": {"queries": 6}}}}
LENGTHS = {"train": Lengths(10, 4.5, [*range(11)]), "test": Lengths(8, 5.5, [*range(1, 12)])}


def test_the_distance_is_the_share_that_would_have_to_move() -> None:
    # In training 1/2, 1/4, 1/4, 0; in test 1/4, 1/4, 1/4, 1/4: one quarter moves.
    found, _ = distances(np.array([2, 1, 1, 0]), np.array([1, 1, 1, 1]))
    assert found == pytest.approx(0.25)


def test_like_counts_are_at_no_distance_and_foreign_ones_at_1() -> None:
    assert distances(np.array([4, 2, 0]), np.array([2, 1, 0]))[0] == pytest.approx(0)
    assert distances(np.array([4, 2, 0]), np.array([0, 0, 3]))[0] == pytest.approx(1)


def test_chance_is_what_few_targets_do_by_themselves() -> None:
    even = np.full(100, 7)
    # Of 100 items alike, one target leaves 99 without: 1 - 1/100. A million of them hardly differ.
    assert distances(even, np.eye(1, 100, dtype=np.int64)[0])[1] == pytest.approx(0.99)
    assert distances(even, np.full(100, 10_000))[1] < 0.01


def test_a_line_says_what_is_new() -> None:
    found = {each.of: each.found for each in drift(np.array([3, 1, 0]), np.array([1, 1, 2]), SUMMARY, LENGTHS)}
    assert found["new items"] == "50.00 % of the test targets"
    assert found["new users"] == "25.00 % of the test queries"
    assert found["length of histories"] == "median 6 in test, 5 in training"
    assert found["popularity of items"].startswith("0.50; ")


def test_nothing_is_said_of_nothing() -> None:
    assert drift(np.zeros(2, np.int64), np.zeros(2, np.int64), {"queries": 0}, {}) == []

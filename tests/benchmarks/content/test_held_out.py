"""The division of a log against loops over a small one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.content.held_out import Query, coldest, divide, draw_cold


def log() -> pd.DataFrame:
    """Return the log of two users, not in the order of time. A has a b c d, and B has c a."""
    rows = [("A", "b", 2), ("B", "c", 1), ("A", "a", 1), ("A", "d", 4), ("B", "a", 1), ("A", "c", 3)]
    return pd.DataFrame(rows, columns=["user", "item", "time"], index=[7, 3, 5, 1, 2, 9])


def test_last_interactions_become_queries_with_all_earlier_ones_as_history() -> None:
    found = divide(log(), held_out=2)

    assert found.trained.tolist() == [True, False, True, False, False, False]
    assert found.queries == [Query("A", ["a", "b"], "c"), Query("A", ["a", "b", "c"], "d")]  # B has no training


def test_cold_items_are_targets_and_in_histories_and_not_trained_on() -> None:
    found = divide(log(), held_out=1, cold=["b"])

    assert found.trained.tolist() == [False, True, True, False, False, True]
    assert found.queries == [Query("A", ["a", "b", "c"], "d"), Query("B", ["c"], "a")]


def test_user_whose_training_has_cold_items_only_has_no_query() -> None:
    assert divide(log(), held_out=1, cold=["c"]).queries == [Query("A", ["a", "b", "c"], "d")]


def test_cold_items_are_a_share_that_depends_on_the_seed() -> None:
    items = [f"i{number % 40}" for number in range(200)]

    first, second = (draw_cold(items, 0.25, seed) for seed in (1, 2))

    assert first == draw_cold(items[::-1], 0.25, 1)
    assert (len(first), len({*first}), {*first} <= {*items}) == (10, 10, True)
    assert first != second


def test_coldest_items_have_the_fewest_interactions() -> None:
    items = np.repeat(["a", "b", "c", "d", "e"], [3, 1, 2, 1, 9]).tolist()

    assert coldest(items, 0.2) == {"b"}
    assert coldest(items, 0.4) == {"b", "d"}
    assert coldest(items, 0.6) == {"b", "c", "d"}

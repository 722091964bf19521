from __future__ import annotations

import numpy as np

from components.list_checks import check_lists
from tests.components.evaluated import results

CATALOGUE = np.array(["a", "b", "c", "d"], dtype=object)
FULL = [["a", "b"], ["a", "c"], ["d"]]  # the last user has seen all but one item


def failed(model: list[list[str]], repeats: tuple[float, ...] = (0, 0, 0), *, remove_seen: bool = True) -> list[str]:
    found = results(
        {system: {"repeats@1": (0, 0, 0), "repeats@10": repeats} for system in ("model", "popularity")},
        lists={"model": model, "popularity": FULL},
    )
    return [check.name for check in check_lists(found, CATALOGUE, remove_seen=remove_seen) if not check.passed]


def test_lists_as_they_should_be() -> None:
    assert failed([["b", "c"], ["b", "a"], ["d"]]) == []


def test_one_list_for_all() -> None:
    assert failed([["a", "b"]] * 3) == ["lists differ between users"]


def test_lists_that_come_out_short() -> None:
    assert failed([["b", "c"], ["b"], ["d"]]) == ["lists are full"]
    assert failed([["b", "c"], ["b", "a"], []]) == ["lists are full"]


def test_an_item_that_is_not_of_the_log() -> None:
    assert failed([["b", "x"], ["b", "a"], ["d"]]) == ["all recommended items are of the log"]


def test_an_item_twice() -> None:
    assert failed([["b", "b"], ["b", "a"], ["d"]]) == ["no item stands in a list twice"]


def test_a_seen_item_counts_where_they_are_removed() -> None:
    lists, half_seen = [["b", "c"], ["b", "a"], ["d"]], (0.0, 0.5, 0.0)
    assert failed(lists, half_seen) == ["nothing seen is recommended"]
    assert failed(lists, half_seen, remove_seen=False) == []

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gate.list_checks import are_of_one_order, check_lists, check_orders
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


def by_order(order: Sequence[str], seen: Set[str], count: int) -> list[str]:
    return [item for item in order if item not in seen][:count]


class TestOneOrderForAll:
    @pytest.mark.parametrize("seen", [["", "", ""], ["", "a", "bc"]])
    def test_is_refused_whatever_is_left_out_of_it(self, seen: list[str]) -> None:
        check = check_orders([by_order("abcde", set(items), 2) for items in seen], seen)
        assert not check.passed
        assert check.measured == "one order of the items gives all of 3, seen ones left out"

    @pytest.mark.parametrize(
        ("lists", "seen"),
        [
            (["ab", "ba"], ["", ""]),
            (["ab", "ac"], ["", ""]),  # nothing says why the second one has no b
            (["ab", "bc", "ca"], ["c", "a", "b"]),  # any two have an order, all three have none
        ],
    )
    def test_lists_of_several_orders_pass(self, lists: list[str], seen: list[str]) -> None:
        assert check_orders(lists, seen).passed

    @given(st.permutations("abcdef"), st.lists(st.sets(st.sampled_from("abcdef")), max_size=5), st.integers(1, 6))
    def test_is_found(self, order: list[str], seen: list[set[str]], count: int) -> None:
        assert are_of_one_order([by_order(order, items, count) for items in seen], seen)

    @given(st.lists(st.tuples(st.permutations("abcd"), st.integers(0, 4), st.integers(0, 4)), max_size=4))
    def test_is_found_where_trying_all_orders_finds_one(self, drawn: list[tuple[list[str], int, int]]) -> None:
        lists = [items[: min(cuts)] for items, *cuts in drawn]
        seen = [set(items[max(cuts) :]) for items, *cuts in drawn]
        expected = any(
            all(by_order(order, items, len(own)) == own for own, items in zip(lists, seen, strict=True))
            for order in permutations("abcd")
        )
        assert are_of_one_order(lists, seen) == expected

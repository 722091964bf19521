from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gate.list_checks import check_lists, check_personalization, is_constant_ranking
from tests.components.evaluated import results

CATALOGUE = np.array(["a", "b", "c", "d"], dtype=object)
FULL = [["a", "b"], ["a", "c"], ["d"]]  # the last user has seen all items except one


def failed(model: list[list[str]], repeats: tuple[float, ...] = (0, 0, 0), *, remove_seen: bool = True) -> list[str]:
    found = results(
        {system: {"repeats@1": (0, 0, 0), "repeats@10": repeats} for system in ("model", "popularity")},
        lists={"model": model, "popularity": FULL},
    )
    return [check.id for check in check_lists(found, CATALOGUE, remove_seen=remove_seen) if not check.passed]


def test_check_lists_with_sound_lists_passes() -> None:
    assert failed([["b", "c"], ["b", "a"], ["d"]]) == []


def test_full_lists_with_a_short_list_fails() -> None:
    assert failed([["b", "c"], ["b"], ["d"]]) == ["full_lists"]
    assert failed([["b", "c"], ["b", "a"], []]) == ["full_lists"]


def test_known_items_with_an_item_outside_the_catalogue_fails() -> None:
    assert failed([["b", "x"], ["b", "a"], ["d"]]) == ["known_items"]


def test_distinct_items_with_a_repeated_item_fails() -> None:
    assert failed([["b", "b"], ["b", "a"], ["d"]]) == ["distinct_items"]


def test_no_seen_items_with_a_seen_item_fails_only_with_remove_seen() -> None:
    lists, half_seen = [["b", "c"], ["b", "a"], ["d"]], (0.0, 0.5, 0.0)
    assert failed(lists, half_seen) == ["no_seen_items"]
    assert failed(lists, half_seen, remove_seen=False) == []


def by_order(order: Sequence[str], seen: Set[str], count: int) -> list[str]:
    return [item for item in order if item not in seen][:count]


class TestConstantRanking:
    @pytest.mark.parametrize("seen", [["", "", ""], ["", "a", "bc"]])
    def test_check_of_constant_ranking_fails_for_any_seen_items(self, seen: list[str]) -> None:
        check = check_personalization([by_order("abcde", set(items), 2) for items in seen], seen)
        assert not check.passed
        assert check.measured == "one constant ranking without seen items gives all 3 lists"

    @pytest.mark.parametrize(
        ("lists", "seen"),
        [
            (["ab", "ba"], ["", ""]),
            (["ab", "ac"], ["", ""]),  # b is not seen, but is missing from the second list
            (["ab", "bc", "ca"], ["c", "a", "b"]),  # each two have a common ranking, all three have none
        ],
    )
    def test_check_of_different_rankings_passes(self, lists: list[str], seen: list[str]) -> None:
        assert check_personalization(lists, seen).passed

    @given(st.permutations("abcdef"), st.lists(st.sets(st.sampled_from("abcdef")), max_size=5), st.integers(1, 6))
    def test_search_finds_the_ranking_that_lists_were_made_from(
        self, order: list[str], seen: list[set[str]], count: int
    ) -> None:
        assert is_constant_ranking([by_order(order, items, count) for items in seen], seen)

    @given(st.lists(st.tuples(st.permutations("abcd"), st.integers(0, 4), st.integers(0, 4)), max_size=4))
    def test_search_agrees_with_trying_all_rankings(self, drawn: list[tuple[list[str], int, int]]) -> None:
        lists = [items[: min(cuts)] for items, *cuts in drawn]
        seen = [set(items[max(cuts) :]) for items, *cuts in drawn]
        expected = any(
            all(by_order(order, items, len(own)) == own for own, items in zip(lists, seen, strict=True))
            for order in permutations("abcd")
        )
        assert is_constant_ranking(lists, seen) == expected

from __future__ import annotations

import pytest

from pipeline.explanations.sentences import NOTHING, explain, heaviest
from pipeline.explanations.shared_traits import SharedTraits

TITLES = {"a": "Alien", "b": "Gravity", "c": "Up"}
NONE = SharedTraits([], [])


class TestHeaviest:
    def test_three_items_are_named_by_weight(self) -> None:
        assert heaviest(list("abcd"), [0.1, 0.4, 0.2, 0.3]) == [("b", 0.4), ("d", 0.3), ("c", 0.2)]

    def test_repeated_item_has_the_sum_of_its_weights(self) -> None:
        assert heaviest(["a", "b", "a"], [0.25, 0.375, 0.375]) == [("a", 0.625), ("b", 0.375)]

    def test_newer_item_comes_first_if_weights_are_equal(self) -> None:
        assert heaviest(["a", "b", "c"], [0.5, 0.0, 0.5]) == [("c", 0.5), ("a", 0.5)]


class TestSentence:
    @pytest.mark.parametrize(
        ("shared", "end"),
        [
            (NONE, "."),
            (SharedTraits(["Horror"], []), "; both are Horror."),
            (SharedTraits(["Horror", "Sci-Fi", "Drama"], []), "; both are Horror, Sci-Fi and Drama."),
            (SharedTraits([], ["space", "rain"]), "; both titles have “space” and “rain”."),
            (SharedTraits(["Horror"], ["space"]), "; both are Horror, and both titles have “space”."),
        ],
    )
    def test_sentence_ends_with_what_both_share(self, shared: SharedTraits, end: str) -> None:
        assert explain("x", [("a", 1.0)], TITLES, shared) == f"Because of “Alien” (100%){end}"

    def test_further_items_follow(self) -> None:
        named = [("a", 0.5), ("b", 0.3), ("c", 0.2)]
        assert explain("x", named, TITLES, NONE) == "Because of “Alien” (50%). Then “Gravity” (30%) and “Up” (20%)."

    def test_further_item_below_one_percent_is_left_out(self) -> None:
        assert explain("x", [("a", 0.995), ("b", 0.005)], TITLES, NONE) == "Because of “Alien” (100%)."

    def test_recommended_item_in_the_history_is_named_as_such(self) -> None:
        found = explain("a", [("a", 0.75), ("b", 0.25)], TITLES, SharedTraits(["Horror"], ["alien"]))
        assert found == "Because the history contains it already (75%). Then “Gravity” (25%)."

    def test_recommendation_without_weights_has_no_cause(self) -> None:
        assert explain("x", [], {}, NONE) == NOTHING

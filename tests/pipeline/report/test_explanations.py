from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.evaluator.query_results import read_results
from pipeline.report.explanations import Person, first_of_each, people, reasons
from pipeline.report.items import read_items
from tests.pipeline.known_items import known_items
from tests.pipeline.report_root import config
from tests.serving.successor import ITEMS

KNOWN = known_items(
    {"a": 9, "b": 4, "c": 7, "d": 1},
    followed={("a", "d"): 3, ("b", "d"): 5, ("c", "a"): 1, ("c", "b"): 2},
    titles={"a": "Ape", "b": "Bee"},
)
VECTORS = {
    "a": np.array([1.0, 0.0], np.float32),
    "b": np.array([0.8, 0.6], np.float32),
    "c": np.array([-1.0, 0.0], np.float32),
    "d": np.array([0.6, 0.8], np.float32),
}


def why(item: str, history: str, looks: list[float]) -> list[str]:
    return reasons(item, list(history), looks, KNOWN, VECTORS)


class TestReasons:
    def test_the_nearest_of_the_history_and_what_came_before_it_most_often(self) -> None:
        # Cosines of d: .6 with a, .8 * .6 + .6 * .8 = .96 with b.
        assert why("d", "ab", [0.75, 0.25]) == [
            "close to “Bee” (cosine 0.96, gets 25 % of the attention)",
            "came right after “Bee” 5 times in training",
            "number 4 of 4 by popularity",
        ]

    def test_next_to_no_attention_is_not_told(self) -> None:
        assert why("d", "ab", [1.0, 0.0])[0] == "close to “Bee” (cosine 0.96)"

    def test_what_points_elsewhere_is_not_called_close(self) -> None:
        assert why("a", "c", [1.0]) == ["came right after “c” once in training", "number 1 of 4 by popularity"]

    def test_an_item_is_no_reason_for_itself(self) -> None:
        assert why("a", "a", [1.0]) == ["number 1 of 4 by popularity"]

    def test_twice_is_a_word(self) -> None:
        assert why("b", "c", [1.0])[0] == "came right after “c” twice in training"


def test_a_user_who_is_drawn_again_does_not_count() -> None:
    assert first_of_each(np.array(["b", "a", "b", "c", "a"], dtype=object)) == [0, 1, 3]


class TestOfARun:
    @pytest.fixture(scope="class")
    def found(self, finished_root: Path) -> list[Person]:
        made = finished_root / "artifacts"
        return people(
            tf.saved_model.load(str(made / "model" / "Format-Serving")),
            str(made / "examples" / "Split-test"),
            read_results(str(made / "evaluation" / "queries")),
            read_items(config(finished_root.parent), str(made / "counts")),
            seed=1,
        )

    def test_they_are_ten_different_ones(self, found: list[Person]) -> None:
        assert len({person.user for person in found}) == len(found) == 10

    def test_each_has_its_own_history_list_and_target(self, found: list[Person], finished_root: Path) -> None:
        titles = read_items(config(finished_root.parent), str(finished_root / "artifacts" / "counts")).titles
        for person in found:
            first = int(person.user[1:])
            letters = [titles[ITEMS[(first + place) % 6]] for place in range(6)]
            assert [read.title for read in person.history] == letters[:3]
            assert [each.title for each in person.recommended] == letters[3:]
            target = letters[3 + (first >= 24)]
            assert person.targets == [target]
            assert [each.title for each in person.recommended if each.followed] == [target]

    def test_attention_is_that_of_the_model(self, found: list[Person]) -> None:
        for person in found:
            assert [read.attention for read in person.history] == pytest.approx([1 / 6, 2 / 6, 3 / 6])

    def test_the_next_letter_came_after_the_last_one(self, found: list[Person]) -> None:
        for person in found:
            last = person.history[-1].title
            assert f"came right after “{last}” 5 times in training" in person.recommended[0].reasons

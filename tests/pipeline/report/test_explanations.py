from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.evaluator.query_results import read_results
from pipeline.report.explanations import SampleUser, first_of_each, reasons, sample_users
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


def why(item: str, history: str, weights: list[float]) -> list[str]:
    return reasons(item, list(history), weights, KNOWN, VECTORS)


class TestReasons:
    def test_reasons_name_the_most_similar_item_and_the_most_frequent_predecessor(self) -> None:
        # The cosine of d is 0.6 with a, and 0.8 * 0.6 + 0.6 * 0.8 = 0.96 with b.
        assert why("d", "ab", [0.75, 0.25]) == [
            "similar to “Bee” (cosine 0.96, 25% of the attention)",
            "followed directly after “Bee” 5 times in training",
            "popularity rank 4 of 4",
        ]

    def test_attention_below_one_percent_is_left_out(self) -> None:
        assert why("d", "ab", [1.0, 0.0])[0] == "similar to “Bee” (cosine 0.96)"

    def test_item_with_a_negative_cosine_is_not_similar(self) -> None:
        assert why("a", "c", [1.0]) == ["followed directly after “c” once in training", "popularity rank 1 of 4"]

    def test_recommended_item_in_the_history_is_not_its_own_reason(self) -> None:
        assert why("a", "a", [1.0]) == ["popularity rank 1 of 4"]

    def test_count_of_two_is_written_as_twice(self) -> None:
        assert why("b", "c", [1.0])[0] == "followed directly after “c” twice in training"


def test_user_drawn_again_does_not_count() -> None:
    assert first_of_each(np.array(["b", "a", "b", "c", "a"], dtype=object)) == [0, 1, 3]


class TestOfARun:
    @pytest.fixture(scope="class")
    def found(self, finished_root: Path) -> list[SampleUser]:
        made = finished_root / "artifacts"
        return sample_users(
            tf.saved_model.load(str(made / "model" / "Format-Serving")),
            str(made / "examples" / "Split-test"),
            read_results(str(made / "evaluation" / "queries")),
            read_items(config(finished_root.parent), str(made / "counts")),
            seed=1,
        )

    def test_ten_different_users_are_drawn(self, found: list[SampleUser]) -> None:
        assert len({user.user for user in found}) == len(found) == 10

    def test_each_user_has_history_list_and_target(self, found: list[SampleUser], finished_root: Path) -> None:
        titles = read_items(config(finished_root.parent), str(finished_root / "artifacts" / "counts")).titles
        for user in found:
            first = int(user.user[1:])
            letters = [titles[ITEMS[(first + place) % 6]] for place in range(6)]
            assert [read.title for read in user.history] == letters[:3]
            assert [each.title for each in user.recommended] == letters[3:]
            target = letters[3 + (first >= 24)]
            assert user.targets == [target]
            assert [each.title for each in user.recommended if each.followed] == [target]

    def test_attention_comes_from_the_model(self, found: list[SampleUser]) -> None:
        for user in found:
            assert [read.attention for read in user.history] == pytest.approx([1 / 6, 2 / 6, 3 / 6])

    def test_next_letter_followed_the_last_one(self, found: list[SampleUser]) -> None:
        for user in found:
            last = user.history[-1].title
            assert f"followed directly after “{last}” 5 times in training" in user.recommended[0].reasons

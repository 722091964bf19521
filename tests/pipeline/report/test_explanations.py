from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.explanations.sentences import NOTHING
from pipeline.explanations.user_sample import draw_users
from pipeline.report.explanations import SampleUser, reasons, sample_users
from pipeline.report.items import read_items
from tests.pipeline.additive import Additive
from tests.pipeline.known_items import known_items
from tests.pipeline.report_root import config
from tests.serving.successor import ITEMS, write_model

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


def why(item: str, history: str) -> list[str]:
    return reasons(item, list(history), KNOWN, VECTORS)


class TestReasons:
    def test_reasons_name_the_most_similar_item_and_the_most_frequent_predecessor(self) -> None:
        # The cosine of d is 0.6 with a, and 0.8 * 0.6 + 0.6 * 0.8 = 0.96 with b.
        assert why("d", "ab") == [
            "similar to “Bee” (cosine 0.96)",
            "followed directly after “Bee” 5 times in training",
            "popularity rank 4 of 4",
        ]

    def test_item_with_a_negative_cosine_is_not_similar(self) -> None:
        assert why("a", "c") == ["followed directly after “c” once in training", "popularity rank 1 of 4"]

    def test_recommended_item_in_the_history_is_not_its_own_reason(self) -> None:
        assert why("a", "a") == ["popularity rank 1 of 4"]

    def test_count_of_two_is_written_as_twice(self) -> None:
        assert why("b", "c")[0] == "followed directly after “c” twice in training"


class TestOfARun:
    """Three letters a user, of which the last one multiplies the odds of the next with 8; see `Additive`."""

    @pytest.fixture(scope="class")
    def found(self, finished_root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[SampleUser]:
        made = finished_root / "artifacts"
        model = write_model(tmp_path_factory.mktemp("additive") / "model", Additive(), k=10)
        examples = draw_users(str(made / "examples" / "Split-test"), queries=30, count=10, seed=1)
        items = read_items(config(finished_root.parent), str(made / "counts"), str(made / "items"))
        return sample_users(tf.saved_model.load(str(model)), "ranking", examples, items, seed=1)

    def test_each_user_has_history_list_and_target(self, found: list[SampleUser], finished_root: Path) -> None:
        titles = read_items(
            config(finished_root.parent),
            str(finished_root / "artifacts" / "counts"),
            str(finished_root / "artifacts" / "items"),
        ).titles
        assert len({user.user for user in found}) == len(found) == 10
        for user in found:
            first = int(user.user[1:])
            letters = [titles[ITEMS[(first + place) % 6]] for place in range(6)]
            assert [read.title for read in user.history] == letters[:3]
            assert [each.title for each in user.recommended] == letters[3:]
            target = letters[3 + (first >= 24)]
            assert user.targets == [target]
            assert [each.title for each in user.recommended if each.followed] == [target]

    def test_weights_are_fractions_of_the_losses(self, found: list[SampleUser]) -> None:
        # After a b c the odds of d, e and f are 2 * 4 * 8, 2 * 4 * 1... : 64, 8 and 2, together 74.
        # Without c: 8, 2 and 1; without b: 16, 4 and 2; without a: 32, 8 and 2. So d falls from 64/74 to 8/11, 16/22
        # and 32/42. All others gain, so the mean over three recommendations is a third of the weight in d.
        lost = [log((64 / 74) / (32 / 42)), log((64 / 74) / (16 / 22)), log((64 / 74) / (8 / 11))]
        expected = [each / sum(lost) / 3 for each in lost]
        for user in found:
            assert [read.weight for read in user.history] == pytest.approx(expected, rel=1e-4)

    def test_sentence_names_the_heaviest_interactions(self, found: list[SampleUser]) -> None:
        # log(84/74) is 0.127 and log(88/74) is 0.173 twice: 27%, 37% and 37%.
        for user in found:
            third, second, first = (read.title for read in user.history)
            named = [f"“{title}” ({share})" for title, share in ((first, "37%"), (second, "37%"), (third, "27%"))]
            assert [each.explanation.count("%") for each in user.recommended] == [3, 0, 0]
            assert user.recommended[0].explanation.startswith("Because of “")
            assert all(each in user.recommended[0].explanation for each in named)
            assert [each.explanation for each in user.recommended[1:]] == [NOTHING, NOTHING]

    def test_common_category_is_not_named(self, found: list[SampleUser]) -> None:
        # Four of the six letters are consonants, and all are of the kind `all`.
        assert not any("; both" in user.recommended[0].explanation for user in found)

    def test_next_letter_followed_the_last_one(self, found: list[SampleUser]) -> None:
        for user in found:
            last = user.history[-1].title
            assert f"followed directly after “{last}” 5 times in training" in user.recommended[0].reasons


def test_shared_category_and_word_are_named(finished_root: Path, tmp_path: Path) -> None:
    made = finished_root / "artifacts"
    factors = np.ones((6, 6))
    factors[ITEMS.index("a"), ITEMS.index("e")] = 8.0
    model = write_model(tmp_path / "model", Additive(factors.tolist()), k=10)
    examples = draw_users(str(made / "examples" / "Split-test"), queries=30, count=30, seed=1)
    items = read_items(config(finished_root.parent), str(made / "counts"), str(made / "items"))
    items = replace(items, titles={"a": "Big Ape", "e": "Big Emu", "b": "Bee"})
    found = sample_users(tf.saved_model.load(str(model)), "ranking", examples, items, seed=1)
    (user,) = (user for user in found if user.user == "u00")  # a, b and c
    assert user.recommended[0].title == "Big Emu"
    assert user.recommended[0].explanation == "Because of “Big Ape” (100%); both are vowel, and both titles have “big”."

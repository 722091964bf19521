"""What a saved model answers where the ranking task scores items alike."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_IDS
from tests.serving.export.test_export import Signatures
from tests.serving.successor import ITEMS, Read, Successor, write_model

SCORES = {"a": 0, "b": 1, "c": 1, "d": 2, "e": 2, "f": 3}  # the whole half of an item's id


class Alike(Successor):
    """Ranks b and c alike, and d and e, after whatever history; b is suggested."""

    def extra_candidates(self, history: Read) -> tf.Tensor:
        return tf.fill([tf.shape(history.item_ids)[0], 1], tf.constant(2, tf.int64))

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(candidate_ids // 2, tf.float32)


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    return Signatures(write_model(tmp_path_factory.mktemp("alike") / "model", Alike(serves_reranked=True), k=2))


def test_they_are_in_the_order_of_retrieval(tmp_path: Path) -> None:
    """After b retrieval finds c d e f a b, after d it finds e f a b c d."""
    signatures = Signatures(write_model(tmp_path / "model", Alike(serves_reranked=True), remove_seen=False, k=2))
    found = signatures.recommend([["b"], ["d"]], k=6)["item_ids"]
    assert found == [["f", "d", "e", "c", "b", "a"], ["f", "e", "d", "b", "c", "a"]]


def test_what_is_only_suggested_comes_behind(tmp_path: Path) -> None:
    """Of two answers retrieval finds c and d, which are joined by b."""
    signatures = Signatures(write_model(tmp_path / "model", Alike(serves_reranked=True), remove_seen=False, k=2))
    assert signatures.evaluate({ITEM_IDS: ["b"]})["ranking_item_ids"] == [["d", "c", "b", "", "", ""]]


some_items = st.lists(st.sampled_from([*ITEMS, "nope"]), unique=True, max_size=5)


@settings(max_examples=100)
@given(history=some_items, excluded=some_items, targets=some_items)
def test_auc_is_that_of_mann_and_whitney(
    alike: Signatures, history: list[str], excluded: list[str], targets: list[str]
) -> None:
    found = alike.evaluate({ITEM_IDS: history, EXCLUDE_IDS: excluded, TARGET_IDS: targets})
    (candidates,), (auc,) = found["ranking_item_ids"], found["auc"]
    known = [SCORES[item] for item in targets if item in SCORES]
    others = [SCORES[item] for item in candidates if item and item not in targets]
    expected = math.nan
    if known and others and set(history) & set(ITEMS):
        expected = stats.mannwhitneyu(known, others, method="asymptotic").statistic / (len(known) * len(others))
    assert auc == pytest.approx(expected, abs=1e-6, nan_ok=True)  # it is a float32

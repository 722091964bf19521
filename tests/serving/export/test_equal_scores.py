"""Answers of a saved model whose ranking task gives equal scores."""

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

SCORES = {"a": 0, "b": 1, "c": 1, "d": 2, "e": 2, "f": 3}  # half of an item's id, rounded down


class TiedRanking(Successor):
    """Gives b and c equal scores, and d and e, after any history. Its extra candidate is b."""

    def extra_candidates(self, history: Read) -> tf.Tensor:
        return tf.fill([tf.shape(history.item_ids)[0], 1], tf.constant(2, tf.int64))

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(candidate_ids // 2, tf.float32)


@pytest.fixture(scope="module")
def tied_ranking(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    return Signatures(write_model(tmp_path_factory.mktemp("tied") / "model", TiedRanking(serves_reranked=True), k=2))


def test_recommend_equal_ranking_scores_keep_the_order_of_retrieval(tmp_path: Path) -> None:
    """After b retrieval finds c d e f a b, after d it finds e f a b c d."""
    signatures = Signatures(write_model(tmp_path / "model", TiedRanking(serves_reranked=True), remove_seen=False, k=2))
    found = signatures.recommend([["b"], ["d"]], k=6)["item_ids"]
    assert found == [["f", "d", "e", "c", "b", "a"], ["f", "e", "d", "b", "c", "a"]]


def test_evaluate_extra_candidate_comes_after_equal_scores_of_retrieval(tmp_path: Path) -> None:
    """For two answers retrieval finds c and d. The extra candidate b joins them."""
    signatures = Signatures(write_model(tmp_path / "model", TiedRanking(serves_reranked=True), remove_seen=False, k=2))
    assert signatures.evaluate({ITEM_IDS: ["b"]})["ranking_item_ids"] == [["d", "c", "b", "", "", ""]]


some_items = st.lists(st.sampled_from([*ITEMS, "nope"]), unique=True, max_size=5)


@settings(max_examples=100)
@given(history=some_items, excluded=some_items, targets=some_items)
def test_evaluate_auc_agrees_with_mann_whitney(
    tied_ranking: Signatures, history: list[str], excluded: list[str], targets: list[str]
) -> None:
    found = tied_ranking.evaluate({ITEM_IDS: history, EXCLUDE_IDS: excluded, TARGET_IDS: targets})
    (candidates,), (auc,) = found["ranking_item_ids"], found["auc"]
    known = [SCORES[item] for item in targets if item in SCORES]
    others = [SCORES[item] for item in candidates if item and item not in targets]
    expected = math.nan
    if known and others and set(history) & set(ITEMS):
        expected = stats.mannwhitneyu(known, others, method="asymptotic").statistic / (len(known) * len(others))
    assert auc == pytest.approx(expected, abs=1e-6, nan_ok=True)  # it is a float32

"""Metrics by impression against scikit-learn, and against MIND's definitions written as loops."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from trainer.metrics import (
    ScoredImpressions,
    impression_auc,
    impression_mrr,
    impression_ndcg,
    impression_values,
    summarize_impressions,
)

Lists = list[tuple[list[bool], list[float]]]
SHOWN = st.tuples(st.booleans(), st.sampled_from([-math.inf, -1.0, 0.0, 0.5, 2.0, math.inf]))
LISTS = st.lists(st.lists(SHOWN, max_size=14).map(lambda items: ([c for c, _ in items], [s for _, s in items])))


def impressions(lists: Lists) -> ScoredImpressions:
    return ScoredImpressions(
        np.cumsum([0, *(len(clicked) for clicked, _ in lists)]),
        np.array([one for clicked, _ in lists for one in clicked], np.bool_),
        np.array([score for _, scores in lists for score in scores], np.float64),
    )


def click_ranks(clicked: Sequence[bool], scores: Sequence[float]) -> list[int]:
    """Return the ranks of the clicks; among equal scores, items without a click are first."""
    order = sorted(zip(scores, clicked, strict=True), key=lambda item: (-item[0], item[1]))
    return [rank for rank, (_, click) in enumerate(order, 1) if click]


def auc(clicked: Sequence[bool], scores: Sequence[float]) -> float:
    wins = [
        1.0 if of_click > of_other else 0.5 if of_click == of_other else 0.0
        for click, of_click in zip(clicked, scores, strict=True)
        for other, of_other in zip(clicked, scores, strict=True)
        if click and not other
    ]
    return statistics.fmean(wins) if wins else math.nan


def mrr(clicked: Sequence[bool], scores: Sequence[float]) -> float:
    ranks = click_ranks(clicked, scores)
    return statistics.fmean(1 / rank for rank in ranks) if ranks else math.nan


def ndcg(clicked: Sequence[bool], scores: Sequence[float], k: int) -> float:
    ranks = click_ranks(clicked, scores)
    gained, possible = (
        sum(1 / math.log2(rank + 1) for rank in found if rank <= k) for found in (ranks, range(1, len(ranks) + 1))
    )
    return gained / possible if ranks else math.nan


@given(lists=LISTS)
def test_impression_values_of_any_lists_equal_those_of_a_loop(lists: Lists) -> None:
    found = impression_values(impressions(lists), ks=(1, 5, 10))

    for name, expected in {
        "auc": [auc(*each) for each in lists],
        "mrr": [mrr(*each) for each in lists],
        **{f"ndcg@{k}": [ndcg(*each, k) for each in lists] for k in (1, 5, 10)},
    }.items():
        np.testing.assert_allclose(found[name], np.array(expected, np.float64), rtol=1e-12, err_msg=name)


@given(lists=LISTS)
def test_impression_metrics_of_opposite_scores_have_aucs_that_sum_to_one(lists: Lists) -> None:
    opposite = [(clicked, [-score for score in scores]) for clicked, scores in lists]

    both = impression_auc(impressions(lists)) + impression_auc(impressions(opposite))

    np.testing.assert_allclose(both[~np.isnan(both)], 1.0, rtol=1e-12)


def random_lists(seed: int, *, distinct: bool) -> Lists:
    generator = np.random.default_rng(seed)
    lists = []
    for length in generator.integers(2, 40, 200):
        clicked = generator.random(length) < 0.2
        clicked[:2] = True, False  # scikit-learn has no AUC of one class
        scores = generator.permutation(length) if distinct else generator.integers(0, 5, length)
        lists.append((clicked.tolist(), scores.astype(float).tolist()))
    return lists


def test_impression_auc_with_ties_equals_that_of_scikit_learn() -> None:
    lists = random_lists(1, distinct=False)

    np.testing.assert_allclose(impression_auc(impressions(lists)), [roc_auc_score(*each) for each in lists], rtol=1e-12)


@pytest.mark.parametrize("k", [5, 10])
def test_impression_ndcg_without_ties_equals_that_of_scikit_learn(k: int) -> None:
    lists = random_lists(2, distinct=True)

    np.testing.assert_allclose(
        impression_ndcg(impressions(lists), k),
        [ndcg_score([clicked], [scores], k=k) for clicked, scores in lists],
        rtol=1e-12,
    )


def test_impression_mrr_counts_every_click() -> None:
    shown = impressions([([True, False, True], [3.0, 2.0, 1.0])])

    assert impression_mrr(shown).tolist() == [(1 / 1 + 1 / 3) / 2]


def test_constant_score_has_auc_one_half_and_clicks_last() -> None:
    found = impression_values(impressions([([True, False, False], [0.0, 0.0, 0.0])]))

    assert {name: values.tolist() for name, values in found.items()} == {
        "auc": [0.5],
        "mrr": [1 / 3],
        "ndcg@5": [0.5],  # 1 / log2(3 + 1)
        "ndcg@10": [0.5],
    }


def test_summary_leaves_out_and_counts_impressions_with_one_class() -> None:
    lists: Lists = [
        ([True, False], [2.0, 1.0]),
        ([False, True], [2.0, 1.0]),
        ([True, True], [2.0, 1.0]),
        ([False, False], [2.0, 1.0]),
        ([], []),
    ]

    summary = summarize_impressions(impressions(lists))

    assert (summary.impressions, summary.only_clicks, summary.without_clicks) == (5, 1, 2)
    assert summary.means["auc"] == (1 + 0) / 2
    assert summary.means["mrr"] == pytest.approx((1 + 1 / 2 + (1 + 1 / 2) / 2) / 3)
    assert summary.means["ndcg@5"] == pytest.approx((1 + 1 / math.log2(3) + 1) / 3)


def test_summary_without_impressions_is_nan() -> None:
    summary = summarize_impressions(impressions([]))

    assert all(math.isnan(mean) for mean in summary.means.values())
    assert summary[1:] == (0, 0, 0)


@pytest.mark.parametrize(
    ("offsets", "clicked", "scores", "part"),
    [
        ([0, 1], [True, False], [1.0, 2.0], "ascending offsets from 0 to 2"),
        ([1, 2], [True, False], [1.0, 2.0], "ascending offsets"),
        ([0, 2, 1, 2], [True, False], [1.0, 2.0], "ascending offsets"),
        ([], [], [], "ascending offsets"),
        ([0, 2], [True, False], [1.0, math.nan], "1 NaN"),
        ([0, 2], [True, False], [1.0], "2 scores"),
        ([0, 2], [1, 0], [1.0, 2.0], "clicked as bool"),
    ],
)
def test_scored_impressions_that_do_not_fit_are_refused(
    offsets: list[int], clicked: list[bool], scores: list[float], part: str
) -> None:
    with pytest.raises(ValueError, match=part):
        ScoredImpressions(np.array(offsets, np.int64), np.array(clicked), np.array(scores))


@given(lists=LISTS)
def test_ranks_number_the_items_of_each_list_with_clicks_after_equal_scores(lists: Lists) -> None:
    shown = impressions(lists)

    found = np.split(shown.ranks(), shown.offsets[1:-1]) if lists else []

    for (clicked, scores), ranks in zip(lists, found, strict=True):
        assert sorted(ranks) == list(range(1, len(clicked) + 1))
        assert sorted(ranks[clicked]) == click_ranks(clicked, scores)
        assert all(scores[one] >= scores[other] for one, other in itertools.pairwise(np.argsort(ranks)))

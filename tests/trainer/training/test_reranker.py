from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special, stats

from trainer.metrics import recall_and_ndcg
from trainer.training.reranker import (
    RerankExamples,
    cross_validated_ranks,
    fit_conditional_logit,
    fit_network,
    mean_metrics,
    ndcg_gain,
    ranks,
)


def made(weights: list[float], n: int = 4_000, candidates: int = 6, seed: int = 0) -> RerankExamples:
    """Simulate users who choose by a softmax of the weighted scores. Every other case lacks the last candidate."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, candidates, len(weights))).astype(np.float32)
    present = np.ones((n, candidates), np.bool_)
    present[::2, -1] = False
    return chosen(scores, present, scores @ np.array(weights), rng)


def chosen(scores: Any, present: Any, utilities: Any, rng: np.random.Generator) -> RerankExamples:
    probabilities = special.softmax(np.where(present, utilities, -np.inf), axis=1)
    target = np.array([rng.choice(len(row), p=row) for row in probabilities])
    return RerankExamples(scores, present, target, np.ones(len(target), np.float32))


def taken(examples: RerankExamples, rows: npt.NDArray[np.int64]) -> RerankExamples:
    scores, present, target, weight = examples
    return RerankExamples(scores[rows], present[rows], target[rows], weight[rows])


def test_conditional_logit_recovers_weights_of_simulated_users() -> None:
    found = fit_conditional_logit(made([1.0, 0.5, 0.0]), np.array([1, 0, 0], np.float32))
    np.testing.assert_allclose(found, [1.0, 0.5, 0.0], atol=0.1)


def test_conditional_logit_ignores_targets_outside_candidates() -> None:
    examples, start = made([1.0, 0.5], n=500), np.array([1, 0], np.float32)
    misses = RerankExamples(
        np.concatenate([examples.scores] * 2),
        np.concatenate([examples.present] * 2),
        np.append(examples.target, np.full(500, -1)),
        np.ones(1_000, np.float32),
    )
    np.testing.assert_allclose(fit_conditional_logit(misses, start), fit_conditional_logit(examples, start), atol=1e-4)
    nothing = examples._replace(target=np.full(500, -1))
    np.testing.assert_array_equal(fit_conditional_logit(nothing, start), start)


def test_weight_of_a_target_counts_like_repetitions_in_a_conditional_logit() -> None:
    examples, start = made([1.0, 0.5], n=400), np.zeros(2, np.float32)
    times = np.arange(400) % 3 + 1
    repeated = taken(examples, np.repeat(np.arange(400), times))
    weighted = examples._replace(weight=10 * times.astype(np.float32))  # only ratios count
    found = fit_conditional_logit(weighted, start)
    np.testing.assert_allclose(found, fit_conditional_logit(repeated, start), atol=1e-3)
    assert np.abs(found - fit_conditional_logit(examples, start)).max() > 0.01


def test_network_learns_from_the_targets_that_weigh() -> None:
    """Every other user chooses by the greater of two scores, the others by the smaller one."""
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(4_000, 6, 2)).astype(np.float32)
    greater = np.arange(4_000) % 2 == 0
    utilities = 4 * np.where(greater[:, np.newaxis], scores.max(axis=2), scores.min(axis=2))
    examples = chosen(scores, np.ones(scores.shape[:2], np.bool_), utilities, rng)
    ones = np.ones(2, np.float32)

    def ndcg(weigh: Any) -> float:
        network = fit_network(examples._replace(weight=np.where(weigh, 1.0, 0.01).astype(np.float32)), ones)
        return mean_metrics(ranks(examples, ones, network)[greater])["ndcg@10"]

    assert ndcg(greater) > ndcg(~greater) + 0.05


def test_rank_counts_present_candidates_with_higher_or_equal_scores() -> None:
    scores = np.array([[[3], [2], [1]], [[3], [2], [1]], [[3], [2], [1]], [[1], [1], [1]]], np.float32)
    present = np.array([[True] * 3, [False, True, True], [True] * 3, [True] * 3])
    examples = RerankExamples(scores, present, np.array([1, 1, -1, 0]), np.ones(4, np.float32))
    found = ranks(examples, np.ones(1, np.float32))
    assert found.tolist() == [2, 1, np.iinfo(np.int64).max, 3]  # among equal scores the target is last


def test_mean_metrics_count_ten_ranks() -> None:
    assert mean_metrics(np.array([1, 3, 10, 11])) == pytest.approx(
        {"recall@10": 3 / 4, "ndcg@10": (1 + 1 / 2 + 1 / np.log2(11)) / 4}
    )


@pytest.mark.parametrize("cases_per_user", [1, 5])
def test_cross_validated_ranks_of_noise_are_at_chance(cases_per_user: int) -> None:
    """Weights for 40 columns of noise look good only on the 100 cases that they are fitted to."""
    alone = made([0.0] * 40, n=100, candidates=30)
    examples = taken(alone, np.repeat(np.arange(100), cases_per_user))
    start = np.zeros(40, np.float32)
    fitted = mean_metrics(ranks(examples, fit_conditional_logit(examples, start)))["ndcg@10"]
    by_chance = float(np.mean([1 / np.log2(1 + rank) if rank <= 10 else 0 for rank in range(1, 31)]))
    assert fitted > by_chance + 0.1
    for held_out in cross_validated_ranks(examples, start):
        assert mean_metrics(held_out)["ndcg@10"] == pytest.approx(by_chance, abs=0.06)


def test_network_is_significantly_better_only_where_a_sum_of_scores_misses_the_rule() -> None:
    """Users who choose by the greater of two scores, and users who choose by their sum."""
    summed = made([2.0, 2.0], n=1_500)
    rng = np.random.default_rng(1)
    greater = chosen(summed.scores, summed.present, 4 * summed.scores.max(axis=2), rng)
    start = np.zeros(2, np.float32)
    for examples, better in ((greater, True), (summed, False)):
        found = cross_validated_ranks(examples, start)
        assert (ndcg_gain(found.corrected, found.weighted)["low"] > 0) == better


def test_network_of_the_same_examples_is_the_same_and_needs_a_thousand_targets() -> None:
    examples, weights = made([1.0, 0.5], n=1_200), np.array([1, 0], np.float32)
    first, second = fit_network(examples, weights), fit_network(examples, weights)
    assert first is not None
    assert second is not None
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(first.weights.output).max() > 0.001
    fewer = np.where(np.arange(1_200) < 999, examples.target, -1)
    assert fit_network(examples._replace(target=fewer), weights) is None


def test_ndcg_gain_of_independent_histories_is_that_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(1, 15, 150), rng.integers(1, 15, 150)
    expected = stats.ttest_rel(recall_and_ndcg(first, 10)[1], recall_and_ndcg(second, 10)[1])
    low, high = expected.confidence_interval(0.95)
    assert ndcg_gain(first, second) == pytest.approx({"mean": (low + high) / 2, "low": low, "high": high})
    assert ndcg_gain(first[:1], second[:1]) == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_ndcg_gain_counts_repetitions_of_a_history_as_one_history() -> None:
    first, second = (np.random.default_rng(seed).integers(1, 15, 200) for seed in (0, 1))
    repeated = ndcg_gain(np.repeat(first, 5), np.repeat(second, 5))
    assert repeated == pytest.approx(ndcg_gain(first, second))

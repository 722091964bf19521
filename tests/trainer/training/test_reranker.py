import numpy as np
import pytest
from scipy import special

from trainer.training.reranker import (
    RerankExamples,
    cross_validated_ranks,
    fit_conditional_logit,
    ranks,
    recall_and_ndcg,
)


def made(weights: list[float], n: int = 4_000, candidates: int = 6, seed: int = 0) -> RerankExamples:
    """Users who choose by the softmax of the weighted scores; the last candidate is absent in every other case."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, candidates, len(weights))).astype(np.float32)
    present = np.ones((n, candidates), np.bool_)
    present[::2, -1] = False
    shares = special.softmax(np.where(present, scores @ np.array(weights), -np.inf), axis=1)
    target = np.array([rng.choice(candidates, p=share) for share in shares])
    return RerankExamples(scores, present, target)


def test_finds_the_weights_that_users_choose_by() -> None:
    found = fit_conditional_logit(made([1.0, 0.5, 0.0]), np.array([1, 0, 0], np.float32))
    np.testing.assert_allclose(found, [1.0, 0.5, 0.0], atol=0.1)


def test_targets_that_are_no_candidates_teach_nothing() -> None:
    choices, start = made([1.0, 0.5], n=500), np.array([1, 0], np.float32)
    misses = RerankExamples(
        np.concatenate([choices.scores] * 2),
        np.concatenate([choices.present] * 2),
        np.append(choices.target, np.full(500, -1)),
    )
    np.testing.assert_allclose(fit_conditional_logit(misses, start), fit_conditional_logit(choices, start), atol=1e-4)
    nothing = RerankExamples(choices.scores, choices.present, np.full(500, -1))
    np.testing.assert_array_equal(fit_conditional_logit(nothing, start), start)


def test_a_rank_is_the_place_of_the_target_among_the_present() -> None:
    scores = np.array([[[3], [2], [1]], [[3], [2], [1]], [[3], [2], [1]], [[1], [1], [1]]], np.float32)
    present = np.array([[True] * 3, [False, True, True], [True] * 3, [True] * 3])
    found = ranks(RerankExamples(scores, present, np.array([1, 1, -1, 0])), np.ones(1, np.float32))
    assert found.tolist() == [2, 1, np.iinfo(np.int64).max, 3]  # of equals the target comes last


def test_only_ten_places_count() -> None:
    assert recall_and_ndcg(np.array([1, 3, 10, 11])) == pytest.approx(
        {"recall@10": 3 / 4, "ndcg@10": (1 + 1 / 2 + 1 / np.log2(11)) / 4}
    )


@pytest.mark.parametrize("cases_of_a_user", [1, 5])
def test_noise_gains_nothing_where_it_is_judged_by_others_choices(cases_of_a_user: int) -> None:
    """Weights for forty columns of noise look good on the hundred cases that they are fitted to, and only there."""
    alone = made([0.0] * 40, n=100, candidates=30)
    scores, present, target = (np.repeat(part, cases_of_a_user, axis=0) for part in alone)
    choices = RerankExamples(scores.astype(np.float32), present.astype(np.bool_), target.astype(np.int64))
    start = np.zeros(40, np.float32)
    fitted = recall_and_ndcg(ranks(choices, fit_conditional_logit(choices, start)))["ndcg@10"]
    by_chance = float(np.mean([1 / np.log2(1 + rank) if rank <= 10 else 0 for rank in range(1, 31)]))
    assert fitted > by_chance + 0.1
    assert recall_and_ndcg(cross_validated_ranks(choices, start))["ndcg@10"] == pytest.approx(by_chance, abs=0.06)

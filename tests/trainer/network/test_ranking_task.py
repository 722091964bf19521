"""The ranking task in the model: its loss, its scores, and the candidates that it re-ranks."""

import math

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from schemas.config import RerankerConfig
from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID, codes_key
from tests.trainer.network.test_model import HISTORIES, ITEMS, best_first, losses, network, padded
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec
from trainer.network.candidate_network import CandidateNetwork, NetworkWeights
from trainer.network.model import NextItemModel


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    return network()


def test_ranking_loss_is_cross_entropy_among_candidates_at_a_position_with_target() -> None:
    """With two items, the one negative is the other item."""
    model = network(items=2, dropout=0.0, reranker={"hidden": [5], "positions": 1, "negatives": 1})
    possible = []
    for history in ([2], [2, 1]):
        scores = model.scores(model.encode(padded([history])), tf.constant([[1, 2]], tf.int64))
        target, other = scores.numpy()[0, :, 1].astype(np.float64)
        possible.append(np.log(1 + np.exp(other - target)))
    item_ids, next_ids = padded([[2, 1]], extra=3), padded([[1, 1]], extra=3)
    found = [losses(model, item_ids, next_ids)["ranking_loss"] for _ in range(40)]
    which = np.abs(np.subtract.outer(found, possible)) < 1e-5
    assert which.any(axis=1).all()  # no other value
    assert which.any(axis=0).all()  # and each of them


def test_ranking_score_is_weighted_sum_of_scores(model: NextItemModel) -> None:
    history, ids = model.encode(padded(HISTORIES)), tf.constant([[1, 5, 30]] * 4, tf.int64)
    scores = model.scores(history, ids).numpy()
    assert model.score_names[:2] == ["retrieval", "ranker"]
    assert scores.shape == (4, 3, len(model.score_names))
    np.testing.assert_allclose(model.rank(history, ids), scores @ model.score_weights.numpy(), rtol=1e-5)
    retrieval = history.query.numpy() @ model.candidates().numpy().T
    np.testing.assert_allclose(scores[:, :, 0], retrieval[:, [0, 4, 29]], atol=1e-5)


def test_ranking_score_with_a_network_is_the_weighted_sum_and_its_correction() -> None:
    model = network()
    history, ids = model.encode(padded(HISTORIES)), tf.constant([[1, 5, 30]] * 4, tf.int64)
    summed = model.rank(history, ids)
    count, rng = len(model.score_names), np.random.default_rng(0)
    correction = CandidateNetwork(NetworkWeights(rng.normal(size=(count, 3)), rng.normal(size=3), rng.normal(size=3)))
    model.set_reranker(model.score_weights.numpy(), correction, serve=True)
    expected = summed + correction(model.scores(history, ids))
    np.testing.assert_allclose(model.rank(history, ids), expected, rtol=1e-6)
    assert np.abs(expected - summed).max() > 0.1
    assert not {id(w) for w in model.trainable_variables} & {id(w) for w in correction.variables}


def test_model_without_cooccurrence_has_scores_of_the_network_only() -> None:
    model = network(reranker={"cooccurrence": False})
    assert model.score_names == ["retrieval", "ranker"]
    assert model.extra_candidates(model.encode(padded(HISTORIES))).shape == (4, 0)


def test_model_with_ranking_weight_zero_has_no_ranker() -> None:
    model = network(reranker={"weight": 0.0, "cooccurrence": False})
    assert model.score_names == ["retrieval"]
    found = losses(model, padded([[3, 1]]), padded([[1, 4]]))
    assert found["ranking_loss"] == 0.0
    assert found["loss"] == found["retrieval_loss"]
    history = model.encode(padded(HISTORIES))
    scores = history.query.numpy() @ model.candidates().numpy().T
    ranked = model.rank(history, tf.constant([[1, 5, 30]] * 4, tf.int64))
    np.testing.assert_allclose(ranked, scores[:, [0, 4, 29]], atol=1e-5)
    with pytest.raises(ValidationError, match="by_value is for a network that is trained"):
        RerankerConfig(by_value=True, weight=0.0)


def test_model_that_keeps_seen_items_ranks_the_last_ones_by_their_repeats() -> None:
    model = network(remove_seen=False, reranker={"weight": 0.0, "cooccurrence": False})
    assert model.score_names == ["retrieval", "repeats", "last_repeat"]
    history = model.encode(padded(HISTORIES))
    own = model.extra_candidates(history).numpy()
    assert own[0].tolist() == [9, 5, 1, 4, 1, 3] + [0] * 14
    assert not own[3].any()
    of_9_and_1 = model.scores(history, tf.constant([[9, 1]] * 4, tf.int64)).numpy()[0, :, 1:]
    np.testing.assert_allclose(of_9_and_1, [[math.log(2), 1], [math.log(3), 1 / 3]], rtol=1e-6)


def test_rerank_examples_are_best_unseen_items_and_extra_candidates() -> None:
    model = network(reranker={"candidates": 12})
    best = [item for item in best_first(model, [3, 1]) if item not in (3, 1, 7)]
    batch = {
        ITEM_IDS: padded([[3, 1], [3, 1], [3, 1]]),
        EXCLUDE_IDS: padded([[7], [7], [7]]),
        TARGET_ID: tf.constant([best[1], 3, ITEMS + 1], tf.int64),
    }
    scores, present, target = (part.numpy() for part in model.rerank_examples(batch))
    assert target.tolist() == [1, -1, -1]  # second, seen, unknown
    extra = set(model.extra_candidates(model.encode(padded([[3, 1]]))).numpy()[0].tolist())
    assert present[0].sum() == len(extra.difference([0, 3, 1, 7]).union(best[:12]))
    np.testing.assert_allclose(np.sort(scores[0, :12, 0])[::-1], scores[0, :12, 0])


def test_rerank_examples_have_at_least_ten_candidates() -> None:
    """Metrics at rank 10 need ten candidates."""
    model = network(reranker={"candidates": 3, "cooccurrence": False})
    batch = {ITEM_IDS: padded([[3]]), EXCLUDE_IDS: padded([[7]]), TARGET_ID: tf.constant([1], tf.int64)}
    assert model.rerank_examples(batch)[1].numpy().sum() == 10


def test_ranking_loss_with_more_negatives_than_pool_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.network.ranking_task._POOL", 16)
    model = network(reranker={"negatives": 20})
    assert math.isfinite(losses(model, padded([[3, 1]]), padded([[1, 4]]))["ranking_loss"])


def test_target_of_half_the_value_weighs_half_in_ranking_loss() -> None:
    columns = FeatureSpec(batch_columns=("value",), value_buckets=4)
    model = network(feature_spec=columns, reranker={"by_value": True, "hidden": [5], "positions": 2, "negatives": 3})
    batch = {ITEM_IDS: padded([[3, 1, 4]]), NEXT_IDS: padded([[1, 4, 5]])}

    def loss(value: int) -> float:
        tf.random.set_global_generator(tf.random.Generator.from_seed(3))
        values = {codes_key("value"): tf.constant([[0, value, value, value]], tf.int64)}
        one = tf.ones([])
        return float(model.joint_loss({**batch, **values}, one, one, training=False)["ranking_loss"])

    assert loss(2) == pytest.approx(loss(4) / 2)
    assert loss(0) == pytest.approx(loss(4))  # an unknown value weighs 1

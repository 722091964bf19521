"""The scores of the ranking stage in the model, and the candidates that it re-ranks."""

import math

import numpy as np
import pytest
import tensorflow as tf

from schemas.features import EVENT, EXCLUDE_IDS, ITEM_IDS, TARGET_ID, VALUE, codes_key
from tests.trainer.network.test_model import HISTORIES, ITEMS, best_first, network, padded
from trainer.data.feature_spec import FeatureSpec
from trainer.network.candidate_network import CandidateNetwork, NetworkWeights
from trainer.network.model import NextItemModel


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    return network()


def test_ranking_score_is_weighted_sum_of_scores(model: NextItemModel) -> None:
    history, ids = model.encode(padded(HISTORIES)), tf.constant([[1, 5, 30]] * 4, tf.int64)
    scores = model.scores(history, ids).numpy()
    assert model.score_names[0] == "retrieval"
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


def test_model_without_cooccurrence_has_the_score_of_retrieval_only() -> None:
    model = network(reranker={"cooccurrence": False})
    assert model.score_names == ["retrieval"]
    assert model.extra_candidates(model.encode(padded(HISTORIES))).shape == (4, 0)


def test_ranking_by_retrieval_alone_has_its_scores() -> None:
    model = network(reranker={"cooccurrence": False})
    history = model.encode(padded(HISTORIES))
    scores = history.query.numpy() @ model.candidates().numpy().T
    ranked = model.rank(history, tf.constant([[1, 5, 30]] * 4, tf.int64))
    np.testing.assert_allclose(ranked, scores[:, [0, 4, 29]], atol=1e-5)


def test_model_that_keeps_seen_items_ranks_the_last_ones_by_their_repeats() -> None:
    model = network(remove_seen=False, reranker={"cooccurrence": False})
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
    scores, present, target, weight = (part.numpy() for part in model.rerank_examples(batch))
    assert target.tolist() == [1, -1, -1]  # second, seen, unknown
    assert weight.tolist() == [1, 1, 1]
    extra = set(model.extra_candidates(model.encode(padded([[3, 1]]))).numpy()[0].tolist())
    assert present[0].sum() == len(extra.difference([0, 3, 1, 7]).union(best[:12]))
    np.testing.assert_allclose(np.sort(scores[0, :12, 0])[::-1], scores[0, :12, 0])


def test_rerank_examples_have_at_least_ten_candidates() -> None:
    """Metrics at rank 10 need ten candidates."""
    model = network(reranker={"candidates": 3, "cooccurrence": False})
    batch = {ITEM_IDS: padded([[3]]), EXCLUDE_IDS: padded([[7]]), TARGET_ID: tf.constant([1], tf.int64)}
    assert model.rerank_examples(batch)[1].numpy().sum() == 10


def test_target_of_a_rerank_example_weighs_by_its_event_and_its_value() -> None:
    """The codes of the target follow those of the history."""
    spec = FeatureSpec(batch_columns=(EVENT, VALUE), value_buckets=4, event_weights=(1.0, 1.0, 3.0, 1.0))
    batch = {
        ITEM_IDS: padded([[3, 1], [3], [3]]),
        EXCLUDE_IDS: padded([[7], [7], [7]]),
        TARGET_ID: tf.constant([1, 1, 1], tf.int64),
        codes_key(EVENT): tf.constant([[1, 1, 2], [1, 2, 0], [2, 1, 0]], tf.int64),
        codes_key(VALUE): tf.constant([[4, 4, 2], [1, 4, 0], [4, 0, 0]], tf.int64),
    }
    # Of buckets 2 and 4 out of 4, and of an unknown value.
    for by_value, expected in ((False, [3, 3, 1]), (True, [3 / 2, 3, 1])):
        model = network(feature_spec=spec, reranker={"by_value": by_value})
        assert model.rerank_examples(batch)[3].numpy().tolist() == expected

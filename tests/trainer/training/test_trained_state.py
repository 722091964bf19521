from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.network.test_model import HISTORIES, network, padded
from trainer.network.candidate_network import CandidateNetwork, NetworkWeights
from trainer.training.trained_state import TrainingCourse, read_trained_state, restore, write_trained_state


@pytest.mark.parametrize("corrects", [False, True])
def test_restored_model_ranks_as_the_trained_one(tmp_path: Path, corrects: bool) -> None:
    trained, other = network(), network(seed=1)
    other.set_reranker(np.zeros(len(other.score_names), np.float32), None, serve=True)
    rng, count = np.random.default_rng(0), len(trained.score_names)
    weights = NetworkWeights(rng.normal(size=(count, 4)), rng.normal(size=4), rng.normal(size=4))
    correction = CandidateNetwork(weights) if corrects else None
    trained.set_reranker(trained.score_weights.numpy(), correction, serve=False)

    write_trained_state(str(tmp_path), trained, TrainingCourse(3, np.ones(2, np.float32)))
    restore(other, read_trained_state(str(tmp_path)))

    ids = tf.constant([[1, 5, 30]] * 4, tf.int64)
    learned = (slice(None), slice(None), slice(1))  # counts are not restored
    found, expected = (
        model.scores(model.encode(padded(HISTORIES)), ids).numpy()[learned] for model in (other, trained)
    )
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(other.score_weights, trained.score_weights)
    assert not other.serves_reranked
    if correction is None:
        assert other.candidate_network is None
    else:
        assert other.candidate_network is not None
        for restored, given in zip(other.candidate_network.weights, correction.weights, strict=True):
            np.testing.assert_array_equal(restored, given)

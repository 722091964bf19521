import math

import numpy as np
import tensorflow as tf

from trainer.network.candidate_network import CandidateNetwork, NetworkWeights


def test_correction_is_the_weighted_gelu_of_the_hidden_units() -> None:
    """GELU is x times the probability that a standard normal variable is below x."""
    weights = NetworkWeights(np.array([[1.0, 0.0], [1.0, -2.0]]), np.array([0.5, 0.0]), np.array([3.0, 1.0]))
    network = CandidateNetwork(weights)

    def gelu(x: float) -> float:
        return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))

    scores = [[[0.5, 1.0], [-1.0, 0.25], [0.0, 0.0]]]
    expected = [[3 * gelu(a + b + 0.5) + gelu(-2 * b) for a, b in scores[0]]]
    np.testing.assert_allclose(network(tf.constant(scores)), expected, rtol=1e-5)
    for found, given in zip(network.weights, weights, strict=True):
        np.testing.assert_array_equal(found, given)

"""A small network that corrects the ranking score of a candidate."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt
import tensorflow as tf

Floats = npt.NDArray[Any]


class NetworkWeights(NamedTuple):
    """The weights of a `CandidateNetwork`."""

    hidden: Floats  # [scores, units]
    bias: Floats  # [units]
    output: Floats  # [units]


class CandidateNetwork(tf.Module):
    """One hidden layer over the scores of a candidate. A sum of scores cannot say that two of them saturate each other.

    Its weights are not among those of the model, which are trained before it.

    Args:
        weights: the initial or the fitted weights.
    """

    def __init__(self, weights: NetworkWeights) -> None:
        super().__init__()
        self.hidden, self.bias, self.output = (tf.Variable(x, dtype=tf.float32, trainable=False) for x in weights)

    def __call__(self, scores: tf.Tensor) -> tf.Tensor:
        """Return the corrections of candidates.

        Args:
            scores: float32 [batch, c, scores].

        Returns:
            float32 [batch, c].
        """
        return tf.tensordot(tf.nn.gelu(tf.tensordot(scores, self.hidden, axes=1) + self.bias), self.output, axes=1)

    @property
    def weights(self) -> NetworkWeights:
        """The values of the weights."""
        return NetworkWeights(self.hidden.numpy(), self.bias.numpy(), self.output.numpy())

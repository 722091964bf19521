"""Biases of attention for pairs of positions: by their distance, and by the time between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# Each distance up to 16 has its own bias, longer ones share it in buckets that grow to 128 (Raffel et al. 2020).
_DISTANCES = np.unique(np.concatenate([np.arange(1, 17), np.geomspace(16, 128, 17).round()])).astype(np.int32)
_SECONDS = (2.0 ** np.arange(31)).astype(np.float32)  # from a second to 34 years


class PairBias(tf.keras.layers.Layer):
    """Learned biases of attention scores, which start at 0.

    Which of the earlier items matter depends on how many others, and how much time, lie between.

    Args:
        heads: the number of heads; each has its own biases.
        reads_times: whether there are biases for the time between two positions.

    Example:
        >>> bias = PairBias(heads=2, reads_times=False)
        >>> bias(3, elapsed_s=None).shape
        TensorShape([1, 2, 3, 3])
    """

    def __init__(self, heads: int, reads_times: bool) -> None:
        super().__init__(name="pair_bias", dtype=tf.float32)
        self._by_distance = self._add_biases("distance_bias", len(_DISTANCES), heads)
        self._by_time = self._add_biases("time_bias", len(_SECONDS), heads) if reads_times else None

    def call(self, length: tf.Tensor, elapsed_s: tf.Tensor) -> tf.Tensor:
        """Return the bias of each pair.

        Args:
            length: int, the number of positions.
            elapsed_s: float32 [batch, length], the time of each position in seconds, from any origin. It may be None
                if there are no biases for it.

        Returns:
            float32 [batch or 1, heads, length, length]: for a position, that of each other one.
        """
        positions = tf.range(length)
        found = _look_up(self._by_distance, _DISTANCES, positions[tf.newaxis, :, tf.newaxis] - positions)
        if self._by_time is not None:
            found += _look_up(self._by_time, _SECONDS, elapsed_s[:, :, tf.newaxis] - elapsed_s[:, tf.newaxis])
        return tf.transpose(found, [0, 3, 1, 2])

    def _add_biases(self, name: str, boundaries: int, heads: int) -> tf.Variable:
        return self.add_weight(name=f"pair_bias/{name}", shape=[1 + boundaries, heads], initializer="zeros")


def _look_up(biases: tf.Variable, boundaries: npt.NDArray[np.generic], differences: tf.Tensor) -> tf.Tensor:
    """Return the biases of the buckets of differences, [..., heads]."""
    buckets = tf.searchsorted(tf.constant(boundaries), tf.reshape(differences, [-1]), side="right")
    return tf.gather(biases, tf.reshape(buckets, tf.shape(differences)))

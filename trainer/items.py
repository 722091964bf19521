"""The catalogue as the network sees it: a vector and a bias for each item, the same for input and output."""

from __future__ import annotations

import tensorflow as tf

from schemas.features import PADDING_ID

ITEMS = "items"  # in the names of its weights


class Items(tf.keras.layers.Layer):
    """Vectors and biases of the items, by id: 1..count, 0 is padding.

    Args:
        count: how many there are.
        dim: width of a vector.
    """

    def __init__(self, count: int, dim: int) -> None:
        super().__init__(name=ITEMS)
        self.count = count
        self._dim = dim
        self._vectors = self.add_weight(
            name=f"{ITEMS}/vectors",
            shape=[1 + count, dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.02),  # a larger start takes epochs to unlearn
        )
        self._biases = self.add_weight(name=f"{ITEMS}/bias", shape=[1 + count], initializer="zeros")

    def embed(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Inputs of the encoder, int [...] -> [..., dim]: the vectors, scaled up to what a recurrence wants."""
        return self.vectors(item_ids) * self._dim**0.5

    def vectors(self, item_ids: tf.Tensor) -> tf.Tensor:
        """int [...] -> [..., dim]."""
        return tf.gather(self._vectors, item_ids)

    def biases(self, item_ids: tf.Tensor) -> tf.Tensor:
        """int [...] -> [...]."""
        return tf.gather(self._biases, item_ids)

    def all(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The vectors [count, dim] and biases [count] of all items; row i is id i + 1."""
        return self._vectors[1 + PADDING_ID :], self._biases[1 + PADDING_ID :]

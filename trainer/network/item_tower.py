"""Item embeddings: a vector and a bias for each item, the same for input and output."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import PADDING_ID
from trainer.network.input_features import CodeEmbedding

ITEMS = "items"  # prefix of the weights' names


class ItemEmbeddings(tf.keras.layers.Layer):
    """Vectors and biases of the items, by id: 1..count, 0 is padding.

    An item's vector is the sum of its own vector and one for each further
    column: the mean of its categories' vectors, or the vector of its number's bucket.

    Args:
        count: the number of items.
        dim: width of a vector.
        columns: by name, int [1 + count, n], the codes of each item; 0 for none.
        bias: the initial value of all biases.
    """

    def __init__(
        self, count: int, dim: int, columns: Mapping[str, npt.NDArray[np.int64]] = {}, bias: float = 0.0
    ) -> None:
        super().__init__(name=ITEMS, dtype=tf.float32)
        self.count = count
        self._dim = dim
        self._vectors = self.add_weight(
            name=f"{ITEMS}/vectors",
            shape=[1 + count, dim],
            initializer=tf.keras.initializers.RandomNormal(
                stddev=0.02
            ),  # it takes epochs to unlearn larger initial values
        )
        self._columns = {
            name: (tf.Variable(codes, trainable=False, name=name), CodeEmbedding(int(codes.max()) + 1, dim, name))
            for name, codes in columns.items()
        }
        self._biases = self.add_weight(
            name=f"{ITEMS}/bias", shape=[1 + count], initializer=tf.keras.initializers.Constant(bias)
        )

    def embed(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the encoder's inputs: the vectors, scaled up for the recurrence.

        Args:
            item_ids: int [...].

        Returns:
            float32 [..., dim].
        """
        return self.vectors(item_ids) * self._dim**0.5

    def vectors(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the vectors of items.

        Args:
            item_ids: int [...].

        Returns:
            float32 [..., dim].
        """
        vectors = tf.gather(self._vectors, item_ids)
        for codes, table in self._columns.values():
            vectors += _mean_vector(table, tf.gather(codes, item_ids))
        return vectors

    def biases(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the biases of items.

        Args:
            item_ids: int [...].

        Returns:
            float32 [...].
        """
        return tf.gather(self._biases, item_ids)

    def all(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the vectors [count, dim] and biases [count] of all items; row i is id i + 1."""
        vectors = self._vectors[1 + PADDING_ID :]
        for codes, table in self._columns.values():
            vectors += _mean_vector(table, codes[1 + PADDING_ID :])
        return vectors, self._biases[1 + PADDING_ID :]


def _mean_vector(table: CodeEmbedding, codes: tf.Tensor) -> tf.Tensor:
    """Return the mean vector of the codes [..., n] that are not 0, [..., dim]."""
    known = tf.math.count_nonzero(codes, axis=-1, keepdims=True, dtype=tf.float32)
    return tf.reduce_sum(table(codes), axis=-2) / tf.maximum(known, 1.0)

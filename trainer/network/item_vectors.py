"""The vectors and biases of the items, as one computation reads them."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from schemas.features import PADDING_ID


@dataclass(frozen=True, eq=False)
class Candidates:
    """The items that the losses of a training compare.

    Args:
        ids: int64 [count], the ids of the candidates.
        rows: int64 [1 + items], the row of each id in `ids`, -1 for the other items.
        count: the number of candidates.
    """

    ids: tf.Variable
    rows: tf.Variable
    count: int


class ItemVectors:
    """Vectors and biases of items by id: 1..items, 0 is padding. Everything in one step reads the same ones.

    Args:
        vectors: float32 [1 + items, dim].
        biases: float32 [1 + items].
        candidates: the items that a loss compares; all of them, if None.
        items: the number of items, if the shapes leave it open.
    """

    def __init__(
        self,
        vectors: tf.Tensor | tf.Variable,
        biases: tf.Tensor | tf.Variable,
        candidates: Candidates | None = None,
        items: int | None = None,
    ) -> None:
        self._vectors = vectors
        self._biases = biases
        self._candidates = candidates
        self._items = items

    @property
    def count(self) -> int:
        """The number of candidates."""
        if self._candidates:
            return self._candidates.count
        return int(self._biases.shape[0]) - 1 if self._items is None else self._items

    def embed(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the encoder's inputs: the vectors, scaled up for the recurrence.

        Args:
            item_ids: int [...].

        Returns:
            float32 [..., dim].
        """
        return scaled(self.look_up(item_ids)[0])

    def look_up(self, item_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the vectors and biases of items.

        Args:
            item_ids: int [...].

        Returns:
            float32 [..., dim] and float32 [...].
        """
        return tf.gather(self._vectors, item_ids), tf.gather(self._biases, item_ids)

    def all(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the vectors [count, dim] and biases [count] of the candidates, in the order of their ids."""
        if self._candidates:
            return self.look_up(self._candidates.ids)
        return self._vectors[1 + PADDING_ID :], self._biases[1 + PADDING_ID :]

    def assign(self, vectors: tf.Tensor, biases: tf.Tensor) -> None:
        """Replace the values of the variables, for all that reads them."""
        self._vectors.assign(vectors)
        self._biases.assign(biases)

    def rows(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the rows of candidates in `all`, of the same shape as their ids."""
        return tf.gather(self._candidates.rows, item_ids) if self._candidates else item_ids - 1

    def ids(self, rows: tf.Tensor) -> tf.Tensor:
        """Return the ids of rows of `all`, int64 of the same shape."""
        return tf.gather(self._candidates.ids, rows) if self._candidates else rows + 1


def scaled(vectors: tf.Tensor) -> tf.Tensor:
    """Return the encoder's inputs, float32 [..., dim], from vectors of items of the same shape."""
    return vectors * vectors.shape[-1] ** 0.5

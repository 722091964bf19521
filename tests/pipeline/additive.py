"""A model whose scores are sums over the history, so that a reader can compute what each interaction contributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tests.serving.successor import ITEMS, Read, Successor

NEXT = (8, 4, 2)  # what an item multiplies the odds of the next three letters with


class Additive(Successor):
    """A model that reads three items, and multiplies the odds of candidates with a factor for each of them.

    Args:
        factors: [items, items], the factor of each candidate (column) for each item of the history (row). By default
            an item multiplies the odds of the next letters with `NEXT`, around the alphabet.
    """

    def __init__(self, factors: Sequence[Sequence[float]] | None = None) -> None:
        super().__init__(serves_reranked=True)
        if factors is None:
            rows = [[*NEXT, 1, 1, 1] for _ in ITEMS]
            factors = [np.roll(row, 1 + place).tolist() for place, row in enumerate(rows)]
        self.logarithms = tf.Variable(np.pad(np.log(np.array(factors, np.float32)), [[1, 0], [1, 0]]))

    def rank(self, history: Read, candidate_ids: tf.Tensor) -> tf.Tensor:
        scores = tf.reduce_sum(tf.gather(self.logarithms, history.item_ids), axis=1)
        return tf.gather(scores, candidate_ids, batch_dims=1)

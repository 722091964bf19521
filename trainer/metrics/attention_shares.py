"""How far attention spreads over the positions that it may read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from trainer.metrics.lists import Floats, Indices


class AttentionShares(NamedTuple):
    """Where some queries attend to.

    Args:
        entropy: the entropy of each query's weights, divided by the logarithm of the number of positions that it may
            read, [queries]. 0: all weight on one position. 1: equal weights.
        largest: the weight of the position with the most, [queries].
        newest: the weight of the newest position that it may read, [queries].
    """

    entropy: Floats
    largest: Floats
    newest: Floats


def attention_shares(weights: npt.NDArray[np.floating[Any]], readable: Indices) -> AttentionShares:
    """Describe the weights of attention to earlier positions.

    Args:
        weights: at least 0, [queries, length]. They are divided by their sum.
        readable: how many positions a query may read, [queries]: the first ones.

    Returns:
        The shares of the queries that may read at least two positions and have any weight.

    Example:
        >>> found = attention_shares(np.array([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]), np.array([2, 3]))
        >>> found.entropy.round(3).tolist(), found.largest.tolist(), found.newest.tolist()
        ([1.0, 0.512], [0.5, 0.75], [0.5, 0.75])
    """
    totals = np.asarray(weights, np.float64).sum(axis=1)
    kept = (readable > 1) & (totals > 0)
    shares, readable = weights[kept] / totals[kept, np.newaxis], readable[kept]
    entropy = special.entr(shares).sum(axis=1) / np.log(readable)
    return AttentionShares(entropy, shares.max(axis=1, initial=0.0), shares[np.arange(len(readable)), readable - 1])

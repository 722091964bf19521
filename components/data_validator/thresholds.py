"""How far two samples of unchanged data are apart by chance: the thresholds of drift.

Interactions of a user are not independent, so users are drawn, and a user's interactions come with the user.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Counts = npt.NDArray[np.float64]
Distance = Callable[[Counts, Counts], npt.NDArray[np.float64]]

RESAMPLES = 1_000
_AT_ONCE = 100  # resamples in memory
_SEED = 1


def l_infinity(first: Counts, second: Counts) -> npt.NDArray[np.float64]:
    """Return the largest difference of a value's shares, as TFDV computes it.

    Args:
        first: counts [..., values].
        second: counts [..., values].

    Returns:
        The distances [...], from 0 to 1.

    Example:
        >>> float(l_infinity(np.array([1.0, 3.0]), np.array([10.0, 10.0])))
        0.25
    """
    distances: npt.NDArray[np.float64] = np.abs(_shares(first) - _shares(second)).max(axis=-1)
    return distances


def jensen_shannon(first: Counts, second: Counts) -> npt.NDArray[np.float64]:
    """Return the Jensen-Shannon divergence in bits, as TFDV computes it.

    Args:
        first: counts [..., values].
        second: counts [..., values].

    Returns:
        The divergences [...], from 0 to 1.

    Example:
        >>> float(jensen_shannon(np.array([5.0, 0.0]), np.array([0.0, 2.0])))
        1.0
    """
    p, q = _shares(first), _shares(second)
    mean = (p + q) / 2
    divergences: npt.NDArray[np.float64] = (_relative_entropy(p, mean) + _relative_entropy(q, mean)) / 2
    return divergences


class Resamples:
    """Pairs of samples of the same users, drawn with replacement: unchanged data.

    Args:
        sampled: the number of users to draw from.
        reference_users: the users in the first sample of each pair.
        users: the users in the second sample.
    """

    def __init__(self, sampled: int, reference_users: int, users: int) -> None:
        self._generator = np.random.Generator(np.random.Philox(_SEED))
        # How many times each user is drawn, [resamples, sampled]. The sums vary a little, but shares do not notice.
        self._first, self._second = (
            self._generator.poisson(size / sampled, (RESAMPLES, sampled)).astype(np.float64)
            for size in (reference_users, users)
        )

    def threshold(self, sample: sp.csr_matrix, rows: int, distance: Distance, level: float) -> float:
        """Return the distance that the samples of a pair exceed with a given probability.

        Args:
            sample: counts [sampled, values] of a feature.
            rows: the rows that the second sample has. If its users would have more, the rows are drawn, too: perhaps
                only some requests are logged.
            distance: `l_infinity` or `jensen_shannon`.
            level: the probability.

        Returns:
            The quantile of the distances of all pairs.
        """
        values = sp.csr_matrix(sample.T)
        found = []
        for start in range(0, RESAMPLES, _AT_ONCE):
            chunk = slice(start, start + _AT_ONCE)
            first, second = ((values @ drawn[chunk].T).T for drawn in (self._first, self._second))
            found.append(distance(first, _thinned(second, rows, self._generator)))
        return float(np.quantile(np.concatenate(found), 1 - level, method="higher"))


def _thinned(counts: Counts, rows: int, generator: np.random.Generator) -> Counts:
    """Return what a part of the rows, drawn without replacement, would count; all of them if there are few."""
    kept = np.minimum(rows / np.maximum(counts.sum(axis=-1, keepdims=True), 1), 1)
    if kept.min() == 1:
        return counts
    # A draw without replacement has the mean m and the variance m * (1 - kept). So has a scaled Poisson number.
    scale = np.maximum(1 - kept, 1e-9)
    return np.where(kept < 1, generator.poisson(counts * kept / scale) * scale, counts)


def _shares(counts: Counts) -> Counts:
    shares: Counts = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-300)
    return shares


def _relative_entropy(p: Counts, q: Counts) -> npt.NDArray[np.float64]:
    terms = np.where(p > 0, p * np.log2(np.where(p > 0, p, 1) / np.where(p > 0, q, 1)), 0)
    entropy: npt.NDArray[np.float64] = terms.sum(axis=-1)
    return entropy

"""How sure a metric is: intervals over users, and tests between two models on the same users. NumPy and SciPy only.

Values are one a query; a user may have several, and a query may have none
(NaN). All means are over queries, and users are what is drawn at random, so a
user's queries stand or fall together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CONFIDENCE = 0.95
SEED = 1  # of all draws: the same users have the same intervals, whatever was drawn in training
SMALLEST_GROUP = 20  # users, below which nothing is said of a group
POWER = 0.8  # with which the smallest difference that can be seen is seen
_WEIGHTS = 1 << 22  # numbers drawn at once: samples x users


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float


class Sums(NamedTuple):
    """What is left of the queries: for each user, sums over them."""

    values: Floats  # [users, metrics]
    counts: Floats  # [users, metrics], queries that have a value


def sums_by_user(values: Floats, users: Ints) -> Sums:
    """Sums over each user's queries.

    Args:
        values: [queries, metrics], NaN where there is none.
        users: [queries], from 0 to the number of users - 1.
    """
    has = ~np.isnan(values)
    count = int(users.max(initial=-1)) + 1
    if len(users) == count and (users == np.arange(count)).all():
        return Sums(np.where(has, values, 0.0), has.astype(np.float64))
    sums = Sums(np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1])))
    np.add.at(sums.values, users, np.where(has, values, 0.0))
    np.add.at(sums.counts, users, has)
    return sums


def resample(sums: Sums, samples: int) -> Floats:
    """The means in samples of the users.

    Each sample weights every user by a draw from Poisson(1), which is drawing
    users with replacement where these are many (Chamandy et al. 2012), and
    needs no more memory than a part of the users at a time. The same users in the
    same order always get the same weights.

    Args:
        sums: of `sums_by_user`.
        samples: how many.

    Returns:
        [samples, metrics]; NaN where no drawn query has a value.
    """
    drawn = Sums(*(np.zeros((samples, sums.values.shape[1])) for _ in range(2)))
    generator = np.random.Generator(np.random.Philox(SEED))
    step = max(1, _WEIGHTS // samples)
    for start in range(0, len(sums.values), step):
        part = slice(start, start + step)
        weights = generator.poisson(1.0, (len(sums.values[part]), samples)).T.astype(np.float64)
        drawn.values[:] += weights @ sums.values[part]
        drawn.counts[:] += weights @ sums.counts[part]
    return _ratio(drawn.values, drawn.counts)


def means(sums: Sums) -> Floats:
    """Over all queries, [metrics]; NaN where none has a value."""
    return _ratio(sums.values.sum(axis=0), sums.counts.sum(axis=0))


def intervals(sums: Sums, resampled: Floats, level: float = CONFIDENCE) -> Floats:
    """Percentile intervals of the means (Efron and Tibshirani 1993), [metrics, 3]: mean, low, high."""
    tail = (1.0 - level) / 2.0
    ascending = np.sort(resampled, axis=0)
    return np.stack([means(sums), *(quantile(ascending, share) for share in (tail, 1.0 - tail))], axis=1)


@dataclass(frozen=True)
class Estimate:
    """A number that other users would have given otherwise, and how sure it is.

    Args:
        mean: the number.
        error: its standard error.
        users: how many it is from, or how many parts of them.
    """

    mean: float
    error: float
    users: int

    def interval(self, level: float = CONFIDENCE) -> Interval:
        """By Student's t (for ranked lists as good as resampling: Smucker et al. 2007)."""
        reach = self._quantile((1.0 + level) / 2.0) * self.error
        return Interval(self.mean, self.mean - reach, self.mean + reach)

    def p_value(self) -> float:
        """Of 0, two-sided."""
        return _p_value(self.mean, self.error, self.users)

    def _quantile(self, share: float) -> float:
        return float(stats.t.ppf(share, self.users - 1)) if self.users > 1 else math.inf


@dataclass(frozen=True)
class Difference(Estimate):
    """The mean difference of two models on the same users, of the first less the second, over the queries.

    Args:
        least_p_value: of no difference, had all users' differences, of the
            sizes that they have, the same sign.
    """

    least_p_value: float

    def minimum_detectable_effect(self, level: float = CONFIDENCE, power: float = POWER) -> float:
        """The smallest true difference whose interval excludes 0 with this power."""
        return (self._quantile((1.0 + level) / 2.0) + self._quantile(power)) * self.error


def difference(first: Floats, second: Floats, users: Ints) -> Difference:
    """Two models' values for the same queries, paired.

    The error is that of a ratio of sums over users (Cochran 1977, 6.3); with
    one query a user it is the one of the paired t-test.

    Args:
        first: [queries], NaN where there is none.
        second: likewise, of the same queries.
        users: [queries], as of `sums_by_user`.
    """
    values, counts = (sums[:, 0] for sums in sums_by_user((first - second)[:, np.newaxis], users))
    values, counts = values[counts > 0], counts[counts > 0]
    return Difference(*_of_sums(values, counts), _p_value(*_of_sums(np.abs(values), counts)))


def jackknife(value: float, without: Floats) -> Estimate:
    """A number with the error of a delete-a-group jackknife (Kott 2001).

    Args:
        value: what it is of all users.
        without: [parts], what it is without each part of the users.
    """
    parts = len(without)
    return Estimate(value, math.sqrt((parts - 1) / parts * np.square(without - without.mean()).sum()), parts)


def mean_and_error(values: Floats, users: Ints) -> tuple[float, float, int]:
    """The mean over queries, its standard error as of `difference`, and how many users have a value.

    Args:
        values: [queries], NaN where there is none.
        users: [queries], from 0 to the number of users - 1.
    """
    sums = sums_by_user(values[:, np.newaxis], users)
    has = sums.counts[:, 0] > 0
    return _of_sums(sums.values[has, 0], sums.counts[has, 0])


def _of_sums(values: Floats, counts: Floats) -> tuple[float, float, int]:
    """Of sums over users and the queries in each; and how many users there are."""
    number = len(values)
    if not number:
        return math.nan, math.nan, 0
    mean = values.sum() / counts.sum()
    if number < 2:
        return float(mean), math.inf, number
    squares = np.square(values - mean * counts).sum()
    return float(mean), float(math.sqrt(squares * number / (number - 1)) / counts.sum()), number


def _p_value(mean: float, error: float, users: int) -> float:
    if users < 2 or math.isnan(error):
        return 1.0
    if error > 0:
        return float(2.0 * stats.t.sf(abs(mean) / error, users - 1))
    return 1.0 if mean == 0 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: any below 5 % is significant although there were so many tests (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def bonferroni_level(level: float, tests: int) -> float:
    """The level of each of several intervals that together hold with `level` (Bonferroni)."""
    return 1.0 - (1.0 - level) / max(tests, 1)


def tarone_count(least_p_values: Sequence[float], level: float = CONFIDENCE) -> int:
    """How many of several tests a correction has to count: those that could show anything at the level it gives them.

    Args:
        least_p_values: of each test, the least that it could come to, whatever is true (Tarone 1990).
        level: of all together.
    """
    counted = 1
    while sum(least <= 1.0 - bonferroni_level(level, counted) for least in least_p_values) > counted:
        counted += 1
    return counted


def _ratio(values: Floats, counts: Floats) -> Floats:
    return np.divide(values, counts, out=np.full(values.shape, np.nan), where=counts > 0)


def quantile(ascending: Floats, share: float) -> Floats:
    """Of each column of sorted numbers, NaNs at the end left out."""
    count = (~np.isnan(ascending)).sum(axis=0)
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(ascending.shape[1])
    low, high = ascending[below, columns], ascending[above, columns]
    return low + (place - below) * (high - low)

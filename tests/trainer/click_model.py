"""Simulated logs of a position-based click model, whose truth is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

PROPENSITIES = np.array([1.0, 0.6, 0.4, 0.2, 0.1])
TYPES, LENGTH = 20, len(PROPENSITIES)

Floats = npt.NDArray[np.float64]


class World(NamedTuple):
    """Kinds of impressions with five items each: all arrays are [kinds, items]."""

    relevance: Floats  # the probability that a user who looks at the item clicks it
    positions: npt.NDArray[np.int64]  # of the logged ranking, from 0
    gains: Floats  # 1 / log2(rank + 1) in the new ranking

    @property
    def true_gain(self) -> float:
        """The mean gain of a relevant item in the new ranking."""
        return float((self.relevance * self.gains).sum() / self.relevance.sum())

    @property
    def naive_gain(self) -> float:
        """The mean gain of a clicked item, of an endless log."""
        clicks = self.relevance * PROPENSITIES[self.positions]
        return float((clicks * self.gains).sum() / clicks.sum())

    def clipped_gain(self, clip: float) -> float:
        """The mean of IPS over endless logs with clipped weights."""
        shares = np.minimum(1.0, clip * PROPENSITIES[self.positions])
        return float((self.relevance * shares * self.gains).sum() / self.relevance.sum())


class ClickLog(NamedTuple):
    """A log of a world: all arrays are [shown]."""

    kinds: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    clicked: npt.NDArray[np.bool_]
    units: npt.NDArray[np.int64]


def make_world() -> World:
    """Return a world whose new ranking is better than the logged one, and differs from it."""
    generator = np.random.default_rng(7)
    relevance = generator.uniform(0.05, 0.6, (TYPES, LENGTH))

    def ranks(noise: float) -> npt.NDArray[np.int64]:
        scores = relevance + generator.normal(0.0, noise, relevance.shape)
        return np.argsort(np.argsort(-scores, axis=1), axis=1)

    return World(relevance, ranks(1.0), 1.0 / np.log2(ranks(0.1) + 2.0))


def simulate(world: World, seed: int, impressions: int, *, shuffled: bool = False) -> ClickLog:
    """Return a log of impressions of random kinds.

    Args:
        world: the kinds of impressions.
        seed: the seed.
        impressions: the number of impressions.
        shuffled: whether the positions are random instead of those of the logged ranking.
    """
    generator = np.random.default_rng(seed)
    kinds = generator.integers(0, TYPES, impressions)
    positions = world.positions[kinds]
    if shuffled:
        positions = generator.permuted(positions, axis=1)
    clicked = generator.random(positions.shape) < world.relevance[kinds] * PROPENSITIES[positions]
    return ClickLog(
        np.repeat(kinds, LENGTH),
        np.tile(np.arange(LENGTH), impressions),
        positions.ravel(),
        clicked.ravel(),
        np.repeat(np.arange(impressions), LENGTH),
    )

"""Click rates of shown items, relative to the items that were shown next to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.data.impressions import ShownLists

POSITIONS = 20  # positions with an effect of their own; later ones share the effect of the last
_PRIOR_CLICKS = 1.0  # clicks at the average rate that each item has in advance
_ITERATIONS = 100

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class ItemRates(NamedTuple):
    """Click rates of items, and of positions."""

    items: Floats  # [items], the click rate of an item relative to an average one; 1 for an item without a list
    positions: Floats  # [POSITIONS], the click rate of a position relative to the first one; 1 if none is fitted


def fit_item_rates(lists: ShownLists, weights: Floats, items: int, *, fit_positions: bool) -> ItemRates:
    """Fit the click rates of items, so that a list's clicks go to its items in proportion to their rates.

    This is the model of Luce (1959), fitted by the algorithm of Hunter (2004, "MM algorithms for generalized
    Bradley-Terry models") with the gamma prior of Caron and Doucet (2012). An item that is shown next to good items
    needs fewer clicks for the same rate. With `fit_positions`, a click has the rate of its item times that of its
    position, as in the position-based model. The same items at several positions separate the two.

    Args:
        lists: the lists.
        weights: float64 [shown], the weight of the click on each item; 0 without a click.
        items: the number of items.
        fit_positions: whether positions have rates of their own.

    Returns:
        The rates.

    Example:
        >>> lists = ShownLists(
        ...     np.array([2, 2]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1]), np.array([True, False, True, False])
        ... )
        >>> rates = fit_item_rates(lists, lists.clicked.astype(float), 2, fit_positions=False).items
        >>> rates.round(2).tolist()  # 2 clicks for the first item, and one for each from the prior
        [1.5, 0.5]
    """
    row, place = lists.lists, np.minimum(lists.positions, POSITIONS - 1)
    list_weights = np.bincount(row, weights, len(lists.lengths))
    item_clicks, place_clicks = (
        np.bincount(of, weights, count) for of, count in ((lists.items, items), (place, POSITIONS))
    )
    rates, effects = np.ones(items), np.ones(POSITIONS)

    def expected(of: Ints, values: Floats, count: int) -> Floats:
        """Return the clicks that each of `of` would have with a rate of 1, while `values` are as they are."""
        total = np.bincount(row, rates[lists.items] * effects[place], len(list_weights))
        return np.asarray(np.bincount(of, values * (list_weights / total)[row], count), np.float64)

    for _ in range(_ITERATIONS):
        rates = (item_clicks + _PRIOR_CLICKS) / (expected(lists.items, effects[place], items) + _PRIOR_CLICKS)
        if fit_positions:
            clicks = place_clicks + _PRIOR_CLICKS
            effects = clicks / (expected(place, rates[lists.items], POSITIONS) + _PRIOR_CLICKS)
            effects /= effects[0]
    return ItemRates(rates, effects)

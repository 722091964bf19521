"""Returns: rows with negative units, which cancel purchases of the same user and item."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from components.example_gen.interactions.ragged import Ints
from components.example_gen.interactions.timelines import Timelines
from schemas.features import UNITS

_ROUNDING = 1e-9  # of a purchase's units, because sums of fractions are not exact

Mask = npt.NDArray[np.bool_]


def is_return(timelines: Timelines) -> Mask:
    """Return the interactions that are returns.

    Args:
        timelines: with the column `UNITS`.
    """
    return _units(timelines) < 0


def is_returned(timelines: Timelines) -> Mask:
    """Return the purchases of which all units are returned later.

    A return takes back the units that the user bought last. So the units of a purchase are all returned
    once the sum of units, which the purchase raised, is down again to what it was before.

    Args:
        timelines: with the column `UNITS`, all interactions of each user.
    """
    rows, change, of_pair = _with_returns(timelines)
    total = change.groupby(of_pair).cumsum()
    before = total.groupby(of_pair).shift(fill_value=0.0)
    lowest_later = total[::-1].groupby(of_pair[::-1]).cummin()[::-1]
    found = np.zeros(len(timelines.items), np.bool_)
    found[rows] = (change > 0) & (lowest_later - before <= _ROUNDING * change)
    return found


def open_returns(timelines: Timelines) -> Timelines:
    """Return the units that were returned without a purchase before, as returns at an infinite time.

    Args:
        timelines: with the column `UNITS`.

    Returns:
        One return for each user and item with such units.
    """
    rows, change, of_pair = _with_returns(timelines)
    excess = -change.groupby(of_pair).cumsum().groupby(of_pair).min().clip(upper=0).to_numpy()
    _, first = np.unique(of_pair, return_index=True)  # in the order of the groups
    units = np.zeros(len(timelines.items))
    units[rows[first]] = -excess
    is_open = units < 0
    found = timelines.with_interactions(is_open)
    return replace(
        found,
        timestamps_s=np.full(len(found.items), np.inf),
        further={**found.further, UNITS: pa.array(units[is_open])},
    )


def _with_returns(timelines: Timelines) -> tuple[Ints, pd.Series, Ints]:
    """Return the interactions with an item that the user returned: their indices, units, and user and item."""
    units, pairs = _units(timelines), timelines.pairs
    rows = np.flatnonzero(np.isin(pairs, pairs[units < 0]))
    return rows, pd.Series(units[rows]), pairs[rows]


def _units(timelines: Timelines) -> npt.NDArray[np.float64]:
    """Return the units of each interaction, 0 if they are unknown."""
    return np.nan_to_num(timelines.further[UNITS].to_numpy(zero_copy_only=False))

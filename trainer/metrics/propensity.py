"""Position bias of clicks: the probability that a user looks at a position, and weights that correct for it.

The position-based model (Craswell et al. 2008) says: an item is clicked if the user looks at its position and finds the
item relevant. The probability that the user looks is the propensity of the position. It does not depend on the item.
A click at a position with propensity p counts 1 / p times (Joachims, Swaminathan and Schnabel 2017).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import InputError
from trainer.metrics.lists import Floats, Indices
from trainer.metrics.metric import divide

Mask = npt.NDArray[np.bool_]


class PositionPropensities(NamedTuple):
    """The propensity of each position, relative to that of the first."""

    propensities: Floats  # [positions], 1 for the first; NaN for a position that cannot be compared with the first
    standard_errors: Floats  # [positions], for independent clicks; 0 for the first
    shown: Indices  # [positions], the number of items shown there


class ClippedWeights(NamedTuple):
    """Inverse propensity weights, and what clipping took from them."""

    weights: Floats  # [clicks], at most the clip
    clipped: Mask  # [clicks], whether the weight was greater
    removed: float  # the fraction of the sum of the weights that clipping removed


def estimate_propensities(
    positions: Indices, clicked: Mask, strata: npt.NDArray[Any] | None = None
) -> PositionPropensities:
    """Return the propensities of positions that were assigned at random.

    Within a stratum, the position of an item must not depend on how relevant the item is to the user:

    - Without strata, all positions were random, as in a part of the traffic with shuffled lists. The propensity is
      then the click rate of a position, divided by that of the first (Joachims et al. 2017).
    - With the item as the stratum, the same items were at several positions for reasons other than the user, like two
      rankers in an A/B test (intervention harvesting, Agarwal et al. 2019). A personalized order breaks this.

    The ratios of the strata are combined with the weights of Mantel and Haenszel (1959), which suit many strata with
    few clicks. The standard error is that of Greenland and Robins (1985). For one stratum, both are those of a ratio of
    two rates.

    Args:
        positions: int64 [shown], the position of each shown item, from 0.
        clicked: bool [shown].
        strata: the stratum of each shown item [shown], for example its id; None for one stratum.

    Returns:
        The propensity of each position up to the last one. It is relative to the first position, so it may exceed 1.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import estimate_propensities
        >>> positions = np.repeat([0, 1], [100, 100])
        >>> clicked = np.concatenate([np.arange(100) < 20, np.arange(100) < 5])  # click rates of 0.2 and 0.05
        >>> estimate_propensities(positions, clicked).propensities
        array([1.  , 0.25])
    """
    if not len(positions):
        return PositionPropensities(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    codes = np.unique(strata, return_inverse=True)[1] if strata is not None else np.zeros(len(positions), np.int64)
    count = int(positions.max()) + 1
    cells, cell = np.unique(codes.astype(np.int64) * count + positions, return_inverse=True)
    shown = np.bincount(cell).astype(np.float64)
    clicks = np.bincount(cell, clicked)
    stratum, position = np.divmod(cells, count)
    # The first position of the same stratum, which each cell is compared with.
    is_first = position == 0
    first_shown, first_clicks = (
        np.bincount(stratum[is_first], values[is_first], int(stratum.max()) + 1)[stratum] for values in (shown, clicks)
    )
    total = shown + first_shown

    def over_strata(values: Floats) -> Floats:
        return np.asarray(np.bincount(position, values, count), np.float64)

    here, at_first = over_strata(clicks * first_shown / total), over_strata(first_clicks * shown / total)
    ratios = divide(here, at_first)
    spread = over_strata(
        ((clicks + first_clicks) * shown * first_shown - clicks * first_clicks * total) / np.square(total)
    )
    errors = ratios * np.sqrt(divide(spread, here * at_first))
    errors[0] = 0.0 if not np.isnan(ratios[0]) else np.nan
    return PositionPropensities(ratios, errors, np.bincount(positions, minlength=count))


def inverse_propensity_weights(propensities: Floats, clip: float | None = None) -> ClippedWeights:
    """Return the weight 1 / propensity of each click, at most `clip`.

    Clipping bounds the influence of one click, and with it the variance. It is the same as a minimum propensity of
    1 / clip (Strehl et al. 2010). Clipped clicks count too little, so a metric with gains from 0 is underestimated.

    Args:
        propensities: float [clicks], of the position of each click. Only their ratios matter to SNIPS.
        clip: the greatest weight; None for no clipping.

    Returns:
        The weights, which of them are clipped, and the fraction of the weight that clipping removed.

    Raises:
        InputError: a propensity or the clip is not a positive number.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import inverse_propensity_weights
        >>> found = inverse_propensity_weights(np.array([1.0, 0.5, 0.05]), clip=10.0)
        >>> found.weights, int(found.clipped.sum()), round(found.removed, 4)  # (20 - 10) / (1 + 2 + 20)
        (array([ 1.,  2., 10.]), 1, 0.4348)
    """
    wrong = propensities[~(np.isfinite(propensities) & (propensities > 0))]
    if len(wrong):
        raise InputError(
            expected="a positive propensity for the position of each click",
            received=f"{wrong[0]:g}, the first of {len(wrong):,} such clicks",
            remedy="leave out positions without an estimate, or log more random positions",
        )
    if clip is not None and not (np.isfinite(clip) and clip > 0):
        raise InputError(
            expected="a positive greatest weight",
            received=f"clip = {clip:g}",
            remedy="give a number like 10, or None for no clipping",
        )
    weights = 1.0 / propensities
    kept = weights if clip is None else np.minimum(weights, clip)
    return ClippedWeights(kept, weights > kept, 1.0 - float(kept.sum() / weights.sum()) if len(weights) else 0.0)

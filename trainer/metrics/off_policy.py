"""Metrics of a new ranking from the clicks that another ranking got: naive, IPS and SNIPS.

Each clicked item has a gain at its rank in the new ranking, for example 1 / log2(rank + 1). The naive mean of the gains
favours a ranking that resembles the logged one, because items at the top got more clicks for being there. Weights of
1 / propensity remove this bias if the position-based model holds; see `trainer.metrics.propensity`.

With g for the gain and w for the clipped 1 / propensity, the sums are over the clicks:

- naive: sum(g) / number of clicks.
- IPS: sum(w g) / number of relevant items (Horvitz and Thompson 1952; Joachims et al. 2017, equation 2), unbiased.
- SNIPS: sum(w g) / sum(w) (Swaminathan and Joachims 2015; Yang et al. 2018 for implicit feedback). Its bias
  vanishes with the number of clicks. Its variance is usually lower, as numerator and denominator vary together.

The denominator of SNIPS is the sum over the whole log. With a denominator for each unit, the weight would
cancel out in a unit with one click.

Standard errors are those of a ratio of two sums over independent units (linearization; Owen 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trainer.metrics.lists import Floats, Indices
from trainer.metrics.propensity import Mask, inverse_propensity_weights

_Z = 1.959963984540054  # the 97.5% quantile of the normal distribution


class EstimatedGain(NamedTuple):
    """A mean gain with its standard error over units."""

    value: float
    standard_error: float

    def interval(self) -> tuple[float, float]:
        """Return the 95% interval, by the normal distribution."""
        return self.value - _Z * self.standard_error, self.value + _Z * self.standard_error


@dataclass(frozen=True)
class OffPolicyEstimates:
    """The gain of a new ranking by three estimators, and how far their weights can be trusted.

    Args:
        naive: the mean gain of a click.
        ips: the weighted sum of the gains, divided by the number of relevant items, or of units.
        snips: the weighted mean gain of a click, an estimate of the mean gain of a relevant item.
        clicks: the number of clicks.
        effective_sample_size: the number of equally weighted clicks that have the same variance (Kong 1992).
        clipped_clicks: the number of clicks whose weight was clipped.
        clipped_weight: the fraction of the weight that clipping removed.
    """

    naive: EstimatedGain
    ips: EstimatedGain
    snips: EstimatedGain
    clicks: int
    effective_sample_size: float
    clipped_clicks: int
    clipped_weight: float


def estimate_gain(
    gains: Floats,
    clicked: Mask,
    propensities: Floats,
    units: Indices,
    *,
    clip: float | None = None,
    relevant: float | None = None,
) -> OffPolicyEstimates:
    """Estimate the mean gain of a new ranking from a log with positions.

    The module's documentation has the formulas and their sources.

    Args:
        gains: float [shown], the gain of each shown item at its rank in the new ranking; those of clicks count.
        clicked: bool [shown].
        propensities: float [shown], the propensity of the position where the item was shown; those of clicks count.
        units: int64 [shown], the impression or the user of each shown item, from 0 on. Units are independent.
        clip: the greatest weight; None for no clipping.
        relevant: the number of relevant items among those shown, clicked or not, if it is known. IPS and SNIPS then
            estimate the same mean. None divides by the number of units, so that IPS is a gain per unit.

    Returns:
        The estimates; NaN where there is no click, or no unit.

    Raises:
        InputError: the propensity of a click, or the clip, is not a positive number.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import estimate_gain
        >>> clicked, propensities = np.array([True, False, False, True]), np.array([1.0, 0.25, 1.0, 0.25])
        >>> found = estimate_gain(np.array([0.5, 1.0, 0.5, 1.0]), clicked, propensities, np.array([0, 0, 1, 1]))
        >>> found.naive.value, found.snips.value  # (0.5 + 1) / 2 and (0.5 + 4 x 1) / (1 + 4)
        (0.75, 0.9)
        >>> round(found.effective_sample_size, 2)  # (1 + 4)^2 / (1 + 16)
        1.47
    """
    count = int(units.max()) + 1 if len(units) else 0
    found = inverse_propensity_weights(np.asarray(propensities, np.float64)[clicked], clip)
    weights, gained, unit = found.weights, np.asarray(gains, np.float64)[clicked], units[clicked]

    def over_units(values: Floats) -> Floats:
        return np.asarray(np.bincount(unit, values, count), np.float64)

    weighted = over_units(weights * gained)
    per_unit = np.full(count, (count if relevant is None else relevant) / max(count, 1))
    squares = float(np.square(weights).sum())
    return OffPolicyEstimates(
        naive=_ratio(over_units(gained), over_units(np.ones(len(gained)))),
        ips=_ratio(weighted, per_unit),
        snips=_ratio(weighted, over_units(weights)),
        clicks=len(weights),
        effective_sample_size=float(weights.sum()) ** 2 / squares if squares else 0.0,
        clipped_clicks=int(found.clipped.sum()),
        clipped_weight=found.removed,
    )


def _ratio(parts: Floats, wholes: Floats) -> EstimatedGain:
    """Return the ratio of two sums over units with its standard error, NaN for one unit or none."""
    whole = float(wholes.sum())
    if not whole:
        return EstimatedGain(float("nan"), float("nan"))
    value, count = float(parts.sum()) / whole, len(parts)
    variance = count / (count - 1) * float(np.square(parts - value * wholes).sum()) if count > 1 else float("nan")
    return EstimatedGain(value, float(np.sqrt(variance)) / whole)

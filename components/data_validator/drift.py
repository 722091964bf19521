"""The change of a feature, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Against = Literal["previous_run", "serving_requests"]
# Whose shares the first and the second share are.
SIDES: dict[Against, tuple[str, str]] = {
    "previous_run": ("the previous run", "the log"),
    "serving_requests": ("the log", "the requests"),
}


@dataclass(frozen=True)
class Drift:
    """The change of a feature.

    Args:
        against: what the log is compared with.
        feature: the feature.
        comparator: `l_infinity` or `jensen_shannon`.
        distance: the distance that TFDV has measured.
        threshold: the distance that is reached by chance, or the configured minimum.
        alarm: whether the distance is above the threshold.
        value: the value whose share has changed most.
        shares: the value's shares on both `SIDES`.
    """

    against: Against
    feature: str
    comparator: str
    distance: float
    threshold: float
    alarm: bool
    value: str
    shares: tuple[float, float]


def describe(drift: Drift) -> str:
    """Return a change as a line for people.

    Args:
        drift: the change.

    Example:
        >>> describe(Drift("previous_run", "event", "l_infinity", 0.05, 0.01, True, "buy", (0.05, 0.1)))
        'event: buy is 5.00% of the previous run, 10.00% of the log (l_infinity 0.0500, threshold 0.0100)'
    """
    first, second = (f"{share:.2%} of {side}" for share, side in zip(drift.shares, SIDES[drift.against], strict=True))
    measured = f"{drift.comparator} {drift.distance:.4f}, threshold {drift.threshold:.4f}"
    return f"{drift.feature}: {drift.value} is {first}, {second} ({measured})"

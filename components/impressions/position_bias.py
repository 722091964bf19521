"""Propensities of positions: those of the configuration, or estimated from impressions before the test span."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.example_gen.interactions.spill import hashes_of
from schemas.config.impressions import PositionBiasConfig
from trainer.data.impressions import flat_clicks, flat_positions
from trainer.metrics import estimate_propensities

Numbers = list[float | None]


class Propensities(NamedTuple):
    """The propensity of each position, None for a position without an estimate."""

    values: Numbers | None  # None without `position_bias`
    standard_errors: Numbers | None  # None if the propensities are given


class PositionBias:
    """The propensity of each position.

    Args:
        settings: the given propensities, or how to estimate them; None for neither.
    """

    def __init__(self, settings: PositionBiasConfig | None) -> None:
        self._given = settings.propensities if settings else None
        self._estimate = settings.estimate if settings else None
        self._positions: list[npt.NDArray[np.int64]] = []
        self._clicked: list[npt.NDArray[np.bool_]] = []
        self._items: list[npt.NDArray[np.uint64]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Add impressions to an estimate. One process keeps 9 or 17 bytes of each shown item.

        Args:
            batch: rows of `QUERIED_IMPRESSION` before the test span.
        """
        if self._estimate is None:
            return
        shown = batch.column("shown")
        self._positions.append(flat_positions(shown))
        self._clicked.append(flat_clicks(batch.column("clicked")))
        if self._estimate == "by_item":
            self._items.append(hashes_of(shown.flatten()))

    def propensities(self) -> Propensities:
        """Return the propensities."""
        if self._given is not None:
            return Propensities(list(self._given), None)
        if self._estimate is None:
            return Propensities(None, None)
        found = estimate_propensities(
            np.concatenate([np.zeros(0, np.int64), *self._positions]),
            np.concatenate([np.zeros(0, np.bool_), *self._clicked]),
            np.concatenate(self._items) if self._items else None,
        )
        return Propensities(_numbers(found.propensities), _numbers(found.standard_errors))


def _numbers(values: Iterable[float]) -> Numbers:
    """Return finite numbers, and None for others."""
    return [float(value) if math.isfinite(value) else None for value in values]

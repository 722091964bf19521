"""From times, numbers and categories to codes: whole numbers from 1, 0 for none.

Transform makes codes of the examples with these functions, and the exported
model of a request, so that both are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import GAP, HOUR, WEEKDAY

HOURS, WEEKDAYS = 24, 7
_HOUR_S, _DAY_S = 3_600, 86_400
_THURSDAY = 3  # the first of January 1970, when Monday is 0


class FeatureEncoding(NamedTuple):
    """How a column becomes codes: by the line of a vocabulary, or by the bucket of a number."""

    vocabulary_file: str = ""  # a category a line; "" for a number
    boundaries: npt.NDArray[np.float32] = np.empty(0, np.float32)  # as of `bucketize`

    def size(self) -> int:
        """One more than the greatest code."""
        if not self.vocabulary_file:
            return len(self.boundaries) + 2
        return len(self.categories()) + 2  # with that of an unknown category

    def categories(self) -> list[str]:
        """The categories by code, from 1."""
        with tf.io.gfile.GFile(self.vocabulary_file) as file:
            return str(file.read()).split("\n")[:-1]


@dataclass(frozen=True)
class FeatureEncodings:
    """What a model reads beside item ids, and how it becomes codes."""

    gap_boundaries: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    times: bool = False  # whether times are read, those of a history
    query_times: bool = False  # and that for which is recommended
    columns: Mapping[str, FeatureEncoding] = field(default_factory=dict)  # by name, those of interactions


def time_deltas(timestamps_s: tf.RaggedTensor) -> tf.RaggedTensor:
    """Seconds since the time before, float32; NaN at the first of a row and beside a time that is not known.

    Args:
        timestamps_s: int64 [batch, (length)], unix seconds, 0 for none.
    """
    times = timestamps_s.flat_values
    before = tf.concat([times[:1], times[:-1]], axis=0)
    first = tf.scatter_nd(
        tf.boolean_mask(timestamps_s.row_starts(), timestamps_s.row_lengths() > 0)[:, tf.newaxis],
        tf.ones([tf.math.count_nonzero(timestamps_s.row_lengths())], tf.bool),
        tf.shape(times, tf.int64),
    )
    known = ~first & (times > 0) & (before > 0)
    return timestamps_s.with_flat_values(tf.where(known, tf.cast(times - before, tf.float32), float("nan")))


def time_feature_ids(timestamps_s: tf.RaggedTensor, gap_boundaries: tf.Tensor) -> dict[str, tf.RaggedTensor]:
    """The codes of `TIME_CODES`, in UTC.

    Args:
        timestamps_s: as of `time_deltas`.
        gap_boundaries: as of `bucketize`.
    """
    times = timestamps_s.flat_values
    hours = 1 + times // _HOUR_S % HOURS
    weekdays = 1 + (times // _DAY_S + _THURSDAY) % WEEKDAYS
    return {
        GAP: tf.ragged.map_flat_values(bucketize, time_deltas(timestamps_s), gap_boundaries),
        HOUR: timestamps_s.with_flat_values(tf.where(times > 0, hours, 0)),
        WEEKDAY: timestamps_s.with_flat_values(tf.where(times > 0, weekdays, 0)),
    }


def bucketize(numbers: tf.Tensor, boundaries: tf.Tensor) -> tf.Tensor:
    """The bucket of each number, from 1 to n + 1; 0 for NaN.

    Args:
        numbers: float32 [...].
        boundaries: float32 [n], ascending: a bucket holds its lower one.
    """
    codes = 1 + tf.searchsorted(boundaries, tf.reshape(numbers, [-1]), side="right", out_type=tf.int64)
    return tf.where(tf.math.is_nan(numbers), tf.zeros([], tf.int64), tf.reshape(codes, tf.shape(numbers)))

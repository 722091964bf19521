"""Encoding of times, numbers and categories as feature ids: integers from 1, 0 for a missing value.

Transform encodes the examples with these functions, and the exported model
encodes a request with them. So training and serving have the same ids.
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
_THURSDAY = 3  # weekday of 1 January 1970; Monday is 0


class FeatureEncoding(NamedTuple):
    """The encoding of a column: by the lines of a vocabulary, or by the buckets of a number."""

    vocabulary_file: str = ""  # a file with a category in each line; "" for a number
    boundaries: npt.NDArray[np.float32] = np.empty(0, np.float32)  # see `bucketize`

    def id_count(self) -> int:
        """Return the number of ids, with 0 for a missing value and the id of an unknown category."""
        if not self.vocabulary_file:
            return len(self.boundaries) + 2
        return len(self.categories()) + 2

    def categories(self) -> list[str]:
        """Return the categories in the order of their ids, from 1."""
        with tf.io.gfile.GFile(self.vocabulary_file) as file:
            return str(file.read()).split("\n")[:-1]


@dataclass(frozen=True)
class FeatureEncodings:
    """The inputs of a model in addition to item ids, and their encodings."""

    gap_boundaries: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    times: bool = False  # whether the model reads the times of a history
    query_times: bool = False  # whether it reads the time of the query, too
    columns: Mapping[str, FeatureEncoding] = field(default_factory=dict)  # further columns of interactions, by name


def time_deltas(timestamps_s: tf.RaggedTensor) -> tf.RaggedTensor:
    """Return the seconds since the previous time.

    Args:
        timestamps_s: int64 [batch, (length)], Unix seconds, 0 for a missing time.

    Returns:
        float32 [batch, (length)]. NaN for the first time of a row, and if one of the two times is missing.
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
    """Return the feature ids of `TIME_CODES`, in UTC.

    Args:
        timestamps_s: see `time_deltas`.
        gap_boundaries: boundaries of the buckets of time deltas; see `bucketize`.

    Returns:
        int64 [batch, (length)] by name.
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
    """Return the bucket of each number.

    Args:
        numbers: float32 [...].
        boundaries: float32 [n], ascending; a bucket contains its lower boundary.

    Returns:
        int64 [...], from 1 to n + 1; 0 for NaN.
    """
    ids = 1 + tf.searchsorted(boundaries, tf.reshape(numbers, [-1]), side="right", out_type=tf.int64)
    return tf.where(tf.math.is_nan(numbers), tf.zeros([], tf.int64), tf.reshape(ids, tf.shape(numbers)))

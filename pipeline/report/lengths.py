"""The lengths of the histories in each split, from the statistics of its examples."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2

from schemas.features import ITEM_IDS, SPLITS


class HistoryLengths(NamedTuple):
    """The lengths of the histories in one split.

    Args:
        examples: the number of examples.
        mean: the mean length.
        deciles: eleven lengths: the minimum, nine deciles and the maximum.
    """

    examples: int
    mean: float
    deciles: list[float]

    @property
    def median(self) -> float:
        """The median length."""
        return self.deciles[len(self.deciles) // 2]


def read_lengths(statistics: str) -> dict[str, HistoryLengths]:
    """Read the lengths of the histories.

    Args:
        statistics: the output folder of StatisticsGen.

    Returns:
        The lengths by split.
    """
    found = {}
    for split in SPLITS:
        with tf.io.gfile.GFile(f"{statistics}/Split-{split}/FeatureStats.pb", "rb") as file:
            (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets
        for feature in dataset.features:
            if list(feature.path.step) == [ITEM_IDS]:
                common = feature.string_stats.common_stats
                buckets = common.num_values_histogram.buckets
                edges = [*(bucket.low_value for bucket in buckets), buckets[-1].high_value]
                found[split] = HistoryLengths(common.num_non_missing, common.avg_num_values, edges)
    return found

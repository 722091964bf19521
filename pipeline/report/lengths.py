"""How long the histories of each split are, from the statistics of its examples."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2

from schemas.features import ITEM_IDS, SPLITS


class Lengths(NamedTuple):
    """Of one split."""

    examples: int
    mean: float
    deciles: list[float]  # eleven: the shortest, nine between, the longest

    @property
    def median(self) -> float:
        """Half of the histories are no longer than this."""
        return self.deciles[len(self.deciles) // 2]


def read_lengths(statistics: str) -> dict[str, Lengths]:
    """By split.

    Args:
        statistics: the folder that StatisticsGen wrote.
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
                found[split] = Lengths(common.num_non_missing, common.avg_num_values, edges)
    return found

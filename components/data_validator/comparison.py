"""The comparison of two logs by TFDV, with thresholds from chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validator.drift import Against, Drift
from components.data_validator.features import COMPARATORS, ComparedFeature, LogCounts, compared_features
from components.data_validator.thresholds import Resamples

# The probability of an alarm about unchanged data, over all features of a comparison. At most 5% must hold. A sample of
# users rarely has the heaviest ones, so chance reaches farther than the resamples.
LEVEL = 0.02

_IN_TFDV = {"l_infinity": "infinity_norm", "jensen_shannon": "jensen_shannon_divergence"}


def compare_logs(
    reference: LogCounts, log: LogCounts, against: Against, minimum: float, longest: int | None = None
) -> list[Drift]:
    """Compare a log with a reference.

    Args:
        reference: the counts of the reference, with a sample of its users.
        log: the counts of the log.
        against: what the reference or the log is, for the result.
        minimum: the smallest threshold.
        longest: see `compared_features`.

    Returns:
        A result for each feature that both have.
    """
    features = list(compared_features(reference, log, longest))
    if not features:
        return []
    resamples = Resamples(features[0].sample.shape[0], reference.users, log.users)
    thresholds = {}
    for feature in features:
        rows, distance = int(feature.counts.sum()), COMPARATORS[feature.comparator]
        chance = resamples.threshold(feature.sample, rows, distance, LEVEL / len(features))
        thresholds[feature.name] = min(max(chance, minimum), 1.0)
    measured = _measure(features, thresholds, against)
    return [_drift(feature, measured[feature.name], against, thresholds[feature.name]) for feature in features]


def log_statistics(log: LogCounts) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Return TFDV's statistics of the interactions of a log, with a bucket for each of the most frequent values.

    Args:
        log: the counts.
    """
    features = compared_features(log, log)
    return to_statistics("interactions", [(each.name, each.labels, each.counts) for each in features])


def to_statistics(
    name: str, features: Sequence[tuple[str, Sequence[str], npt.NDArray[np.int64]]]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Return counts as TFDV's statistics of categories.

    Args:
        name: the name of the data set.
        features: the name, the values and the counts of each feature.
    """
    rows = max(int(counts.sum()) for _, _, counts in features)
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add(name=name, num_examples=rows)
    for feature, values, counts in features:
        described = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        described.path.step.append(feature)
        common, present = described.string_stats.common_stats, int(counts.sum())
        common.num_non_missing, common.num_missing, common.tot_num_values = present, rows - present, present
        common.min_num_values = common.max_num_values = 1
        common.avg_num_values = 1.0
        described.string_stats.unique = int((counts > 0).sum())
        buckets = described.string_stats.rank_histogram.buckets
        for rank, index in enumerate(np.argsort(-counts, kind="stable")[: described.string_stats.unique].tolist()):
            buckets.add(low_rank=rank, high_rank=rank, label=values[index], sample_count=float(counts[index]))
    return statistics


def _measure(
    features: Sequence[ComparedFeature], thresholds: Mapping[str, float], against: Against
) -> dict[str, float]:
    """Let TFDV measure the distances. Its drift is against earlier data, its skew against data of a server."""
    schema = schema_pb2.Schema()
    for feature in features:
        described = schema.feature.add(name=feature.name, type=schema_pb2.BYTES)
        comparator = described.drift_comparator if against == "previous_run" else described.skew_comparator
        getattr(comparator, _IN_TFDV[feature.comparator]).threshold = thresholds[feature.name]
    reference, log = (
        to_statistics("log", [(each.name, each.labels, getattr(each, side)) for each in features])
        for side in ("reference", "counts")
    )
    found = (
        tfdv.validate_statistics(log, schema, previous_statistics=reference)
        if against == "previous_run"
        else tfdv.validate_statistics(reference, schema, serving_statistics=log)
    )
    return {
        ".".join(info.path.step): measurement.value
        for info in found.drift_skew_info
        for measurement in (*info.drift_measurements, *info.skew_measurements)
    }


def _drift(feature: ComparedFeature, distance: float, against: Against, threshold: float) -> Drift:
    before, after = (side / side.sum() for side in (feature.reference, feature.counts))
    most = int(np.argmax(np.abs(after - before)))
    return Drift(
        against,
        feature.name,
        feature.comparator,
        distance,
        threshold,
        alarm=distance > threshold,
        value=feature.labels[most],
        shares=(float(before[most]), float(after[most])),
    )

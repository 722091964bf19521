"""Metrics of recommended lists over a whole catalogue. NumPy, SciPy and pandas only.

A list ranks the whole catalogue, so every item is a candidate. There are two kinds of metrics:

- a `Metric` gives each list a value, NaN where it has none (no target, no item).
  The metric of a run is the mean over the lists that have one.
- a `CatalogueMetric` gives one value to how often each item is recommended.

Further modules rank only the items that a user was shown: `impressions` measures the order of clicked and non-clicked
items. `propensity` and `off_policy` correct for the position at which they were shown.
"""

from collections.abc import Mapping

from trainer.metrics.accuracy import (
    ABSENT,
    MAP,
    MRR,
    NDCG,
    HitRate,
    Precision,
    Recall,
    recall_and_ndcg,
    target_ranks,
)
from trainer.metrics.beyond_accuracy import Diversity, MeanPopularity, Novelty, Repeats, Serendipity
from trainer.metrics.catalogue import CatalogueMetric, Coverage, Gini, count_exposures
from trainer.metrics.impressions import (
    ImpressionSummary,
    ScoredImpressions,
    impression_auc,
    impression_mrr,
    impression_ndcg,
    impression_values,
    summarize_impressions,
)
from trainer.metrics.lists import Catalogue, Lists, catalogue_indices, pad_lists
from trainer.metrics.metric import Metric
from trainer.metrics.off_policy import EstimatedGain, OffPolicyEstimates, estimate_gain
from trainer.metrics.propensity import (
    ClippedWeights,
    PositionPropensities,
    estimate_propensities,
    inverse_propensity_weights,
)

__all__ = [
    "ABSENT",
    "ACCURACY",
    "CATALOGUE_METRICS",
    "MAP",
    "METRICS",
    "MRR",
    "NDCG",
    "Catalogue",
    "CatalogueMetric",
    "ClippedWeights",
    "Coverage",
    "Diversity",
    "EstimatedGain",
    "Gini",
    "HitRate",
    "ImpressionSummary",
    "Lists",
    "MeanPopularity",
    "Metric",
    "Novelty",
    "OffPolicyEstimates",
    "PositionPropensities",
    "Precision",
    "Recall",
    "Repeats",
    "ScoredImpressions",
    "Serendipity",
    "catalogue_indices",
    "count_exposures",
    "estimate_gain",
    "estimate_propensities",
    "impression_auc",
    "impression_mrr",
    "impression_ndcg",
    "impression_values",
    "inverse_propensity_weights",
    "pad_lists",
    "recall_and_ndcg",
    "summarize_impressions",
    "target_ranks",
]

ACCURACY: Mapping[str, type[Metric]] = {
    "recall": Recall,
    "ndcg": NDCG,
    "mrr": MRR,
    "precision": Precision,
    "hit_rate": HitRate,
    "map": MAP,
}
METRICS: Mapping[str, type[Metric]] = {
    **ACCURACY,
    "popularity": MeanPopularity,
    "novelty": Novelty,
    "diversity": Diversity,
    "serendipity": Serendipity,
    "repeats": Repeats,
}
CATALOGUE_METRICS: Mapping[str, type[CatalogueMetric]] = {"coverage": Coverage, "gini": Gini}

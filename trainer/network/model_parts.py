"""The parts of a network that its settings make of the training data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from schemas.config import ModelConfig, TrainConfig, TrainerConfig
from serving.export.lifetimes import ItemLifetimes
from trainer.data.feature_spec import FeatureSpec, multi_hot_ids
from trainer.data.item_features import ItemFeatures
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.cooccurrence import CooccurrenceScorer, count_cooccurrences
from trainer.network.item_tower import ItemTower
from trainer.network.tasks import TaskInputs, WeightedTasks


def make_tower(
    stats: TrainingSetStats, model: ModelConfig, spec: FeatureSpec, features: ItemFeatures, train: TrainConfig
) -> ItemTower:
    """Return the item tower.

    Args:
        stats: counts of the training split, with the items' columns of the log.
        model: the network's settings.
        spec: the encodings of these columns.
        features: the content of the items, from their table.
        train: the retrieval loss.
    """
    of_log = {
        name: multi_hot_ids(stats.item_codes[name], encoding, separator)
        for name, (encoding, separator) in spec.item_encodings.items()
    }
    count = len(stats.target_fractions)
    seen = np.zeros(1 + count, np.bool_)
    for sequence in stats.sequences:
        seen[sequence] = True
    return ItemTower(
        count,
        model.dim,
        replace(features, codes={**of_log, **features.codes}),
        seen,
        model.items,
        # With a binary loss, the items' probabilities start with a sum of about 1, because one item is the target.
        bias=-math.log(count) if train.loss.kind == "binary" else 0.0,
    )


def make_tasks(model: ModelConfig, tower: ItemTower, features: ItemFeatures, spec: FeatureSpec) -> WeightedTasks | None:
    """Return the further tasks, None if there is none.

    Args:
        model: the network's settings.
        tower: the tower of the items.
        features: the content of the items, with the categories that tasks predict.
        spec: the encoding of the values.
    """
    if not model.tasks:
        return None
    inputs = TaskInputs(model.dim, tower, features.labels, spec.value_buckets)
    return WeightedTasks(model.tasks, inputs, learned=model.task_weights == "learned")


def make_scorer(
    stats: TrainingSetStats, model: ModelConfig, recent_popularity: npt.NDArray[np.float32] | None
) -> CooccurrenceScorer | None:
    """Return the scorer by co-occurrence counts, None if the settings have none.

    Args:
        stats: the sequences of the training split.
        model: the network's settings.
        recent_popularity: float32 [items]; without it, all interactions weigh the same.
    """
    if not model.reranker.cooccurrence:
        return None
    recent = stats.target_fractions if recent_popularity is None else recent_popularity
    tables = count_cooccurrences(stats.sequences, len(stats.target_fractions))
    return CooccurrenceScorer(tables, stats.target_fractions, recent, model.reranker.candidate_sources)


def make_lifetimes(features: ItemFeatures, config: TrainerConfig) -> ItemLifetimes:
    """Return the lives of the items.

    Args:
        features: the content of the items, with their times of publication if the settings need them.
        config: whether the re-ranking reads ages, and after which time items expire.
    """
    return ItemLifetimes(features.published_s[1:], config.serving.expire_after_s, config.model.reranker.item_age)

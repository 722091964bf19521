"""A network whose items age and expire."""

import numpy as np
import pytest
import tensorflow as tf

from schemas import config
from schemas.features import EXCLUDE_IDS, ITEM_IDS, QUERY_TIMESTAMPS_S, TARGET_ID
from serving.export.lifetimes import ItemLifetimes
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.model import NextItemModel
from trainer.network.train_step import Batch
from trainer.training.reranker import fit_reranker

ITEMS, DAY = 12, 86_400
PUBLISHED = DAY * np.arange(1, 1 + ITEMS)  # item i on day i


def network(life_s: int | None = None, ages: bool = True) -> NextItemModel:
    tf.keras.utils.set_random_seed(0)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    settings = config.ModelConfig.model_validate({"dim": 8, "encoder": {"units": 8}, "reranker": {"item_age": ages}})
    stats = TrainingSetStats(1, np.full(ITEMS, 1 / ITEMS, np.float32), [np.arange(1, 1 + ITEMS)], {})
    lifetimes = ItemLifetimes(PUBLISHED, life_s, ages)
    model = NextItemModel(stats, 5, settings, config.TrainConfig(), lifetimes=lifetimes)
    model.encode(tf.constant([[1]], tf.int64))  # creates all weights
    return model


def batch(histories: list[list[int]], targets: list[int], days: list[int]) -> Batch:
    return {
        ITEM_IDS: tf.constant(histories, tf.int64),
        EXCLUDE_IDS: tf.zeros([len(histories), 0], tf.int64),
        TARGET_ID: tf.constant(targets, tf.int64),
        QUERY_TIMESTAMPS_S: tf.constant(days, tf.int64) * DAY,
    }


def test_scores_have_the_age_of_candidates_at_the_time_of_the_query() -> None:
    model = network()
    codes = {QUERY_TIMESTAMPS_S: tf.constant([10, 20], tf.int64) * DAY}
    history = model.encode(tf.constant([[1], [1]], tf.int64), codes)
    scores = model.scores(history, tf.constant([[4, 12], [4, 12]], tf.int64))
    assert model.score_names[-1] == "item_age"
    np.testing.assert_allclose(scores[..., -1], np.log1p([[10 - 4, 0], [20 - 4, 20 - 12]]), rtol=1e-6)
    assert "item_age" not in network(ages=False).score_names


@pytest.mark.parametrize(("day", "recall"), [(8, 1.0), (9, 0.0)])
def test_expired_target_is_a_miss_in_validation(day: int, recall: float) -> None:
    model = network(life_s=5 * DAY)  # item 4 expires on day 9
    inputs = batch([[1]], [4], [day])
    assert model.test_step(inputs)["recall@10"].numpy() == recall
    _, present, target, _ = model.rerank_examples(inputs)
    assert (target.numpy()[0] >= 0) == bool(recall)
    # All items are candidates, except for the seen item 1 and the expired ones.
    expired = max(0, day - 5)
    assert int(tf.math.count_nonzero(present)) == ITEMS - max(expired, 1)


def test_reranker_learns_that_users_choose_the_newest_item() -> None:
    model = network()
    random = np.random.default_rng(0)
    days = random.integers(3, 1 + ITEMS, 400).tolist()
    inputs = batch([[1]] * len(days), days, days)  # the target is the item of the day
    info = fit_reranker(model, tf.data.Dataset.from_tensors(inputs)).info
    assert info.score_weights["item_age"] < -0.5
    assert info.validation["ranking"]["ndcg@10"] > info.validation["retrieval"]["ndcg@10"] + 0.2

"""The contract of all tasks in `TASKS`: what they learn, and what they measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from schemas import config
from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID, VALUE, codes_key
from tests.trainer.network.test_model import ITEMS, network, padded
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec
from trainer.data.item_features import ItemEncoding, ItemFeatures, Labels
from trainer.data.tokens import TextEncoding
from trainer.network.model import NextItemModel
from trainer.network.tasks import TASKS

NAMES, BUCKETS = ("action", "drama", "war"), 10
IDS = np.arange(1 + ITEMS)
CLASSES = np.where(IDS, 1 + IDS % 3, 0)
# The title of an item names its category; item i is followed by i + 1, and even items have the highest value.
CONTENT = ItemFeatures(
    tokens=np.stack([CLASSES, np.where(IDS, 4 + IDS % 2, 0)], axis=1)[:, np.newaxis].astype(np.int32),
    encoding=ItemEncoding(text=TextEncoding(("title",), ("a", "b", "c", "d", "e"), 2)),
    labels={"genre": Labels(NAMES, CLASSES[:, np.newaxis])},
)
SETTINGS: dict[str, dict[str, Any]] = {
    "next_category": {"column": "genre"},
    "value": {},
    "item_category": {"column": "genre", "held_out": 0.3},
}


def model_of(*kinds: str, learned: bool = False, parts: int = 1) -> NextItemModel:
    """Return a network that learns some tasks, each with a weight of 1."""
    return network(
        feature_spec=FeatureSpec(batch_columns=(VALUE,), value_buckets=BUCKETS),
        item_features=CONTENT,
        train=config.TrainConfig(accumulation=parts),
        dropout=0.0,
        tasks=[{"kind": kind, "weight": 1.0, **SETTINGS[kind]} for kind in kinds],
        task_weights="learned" if learned else "given",
    )


def values(items: tf.Tensor) -> tf.Tensor:
    return tf.where(items > 0, tf.where(items % 2 == 0, BUCKETS, 1), 0)


def training_batch() -> dict[str, tf.Tensor]:
    """Return all windows of five items, 104 targets."""
    starts = np.arange(1, ITEMS - 3)
    sequence = tf.constant(starts[:, np.newaxis] + np.arange(5), tf.int64)
    return {ITEM_IDS: sequence[:, :-1], NEXT_IDS: sequence[:, 1:], codes_key(VALUE): values(sequence)}


def validation() -> tf.data.Dataset:
    """Return two batches. The last target is no known item."""
    histories, targets = padded([[1, 2], [7], [10, 11, 12], [20, 21]]), tf.constant([3, 8, 13, ITEMS + 1], tf.int64)
    codes = tf.constant([[1, 10, 1, 0], [1, 10, 0, 0], [10, 1, 10, 1], [10, 1, 1, 0]], tf.int64)
    batch = {ITEM_IDS: histories, EXCLUDE_IDS: histories[:, :0], TARGET_ID: targets, codes_key(VALUE): codes}
    return tf.data.Dataset.from_tensor_slices(batch).batch(2)


def learn(model: NextItemModel, steps: int = 600) -> None:
    optimizer = tf.keras.optimizers.Adam(0.02)
    batch = training_batch()
    variables = model.trainable_variables

    @tf.function(autograph=False)
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(batch, training=True)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for _ in range(steps):
        step()


@pytest.mark.parametrize("kind", sorted(TASKS))
def test_task_has_a_loss_with_a_gradient_for_each_of_its_weights(kind: str) -> None:
    model = model_of(kind)
    model.compute_loss(training_batch())
    with tf.GradientTape() as tape:
        loss = model.compute_loss(training_batch())
    found = tape.gradient(loss, model.trainable_variables)
    of_task = [
        float(np.abs(tf.convert_to_tensor(gradient)).max())
        for variable, gradient in zip(model.trainable_variables, found, strict=True)
        if f"{kind}/" in variable.name
    ]
    assert of_task
    assert min(of_task) > 1e-9


@pytest.mark.parametrize("kind", sorted(TASKS))
def test_loss_of_a_task_is_added_with_its_weight(kind: str) -> None:
    model, batch = model_of(kind), training_batch()
    targets = tf.constant(104.0)
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    found = model.joint_loss(batch, targets, training=False)
    assert found[f"{kind}_loss"] > 0
    expected = found["retrieval_loss"] + found[f"{kind}_loss"]
    assert float(found["loss"]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("kind", ["next_category", "value"])
def test_parts_of_a_batch_add_up_to_its_loss(kind: str) -> None:
    model, batch = model_of(kind), training_batch()
    targets = tf.constant(104.0)
    whole = model.joint_loss(batch, targets, training=False)[f"{kind}_loss"]
    parts = [
        model.joint_loss({name: x[part] for name, x in batch.items()}, targets, training=False)[f"{kind}_loss"]
        for part in (slice(0, 7), slice(7, 26))
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)


def test_tasks_learn_what_the_data_says() -> None:
    model = model_of(*TASKS)
    learn(model)

    found = model.measure_tasks(validation())

    assert found["next_category"]["targets"] == 3  # the unknown target has no category
    assert found["next_category"]["accuracy"] == 1.0
    assert found["next_category"]["accuracy_of_most_frequent"] == pytest.approx(1 / 3)  # categories 1, 3 and 2
    assert found["value"]["targets"] == 3
    assert found["value"]["absolute_error"] < 0.1
    assert found["value"]["absolute_error_of_median"] == pytest.approx(1 / 3)  # 0, 1 and 0
    of_items = found["item_category"]
    assert of_items["items"] == 9
    assert (of_items["accuracy"], of_items["macro_f1"]) == (1.0, 1.0)
    assert np.trace(of_items["confusion"]) == 9
    assert {each["name"] for each in of_items["classes"]} <= {*NAMES}
    assert sum(each["support"] for each in of_items["classes"]) == 9


def test_labels_of_held_out_items_do_not_train() -> None:
    tasks = model_of("item_category")._tasks
    assert tasks is not None
    task: Any = tasks.tasks["item_category"]
    assert not {*task.held_out} & {*task._trained.numpy()}
    assert {*task.held_out} | {*task._trained.numpy()} == {*IDS[1:]}


def test_learned_weights_follow_the_formula() -> None:
    """Kendall et al. 2018: exp(-s) * loss + s for each task, and s is the negative logarithm of the initial weight."""
    model, batch = model_of("value", learned=True), training_batch()
    (weight,) = [each for each in model.trainable_variables if "log_variances" in each.name]
    weight.assign([0.5, -1.0])
    found = model.joint_loss(batch, tf.constant(104.0), training=False)
    expected = np.exp(-0.5) * found["retrieval_loss"] + np.exp(1.0) * found["value_loss"] + 0.5 - 1.0
    assert float(found["loss"]) == pytest.approx(float(expected), rel=1e-5)


def test_model_without_tasks_measures_none() -> None:
    assert model_of().measure_tasks(validation()) == {}

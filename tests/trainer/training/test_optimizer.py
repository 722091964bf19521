import math
from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf

from schemas import config
from schemas.features import ITEM_IDS
from tests.trainer.network.test_model import network, padded
from trainer.data.batches import NEXT_IDS
from trainer.training.optimizer import make_optimizer


def test_learning_rate_warms_up_and_falls_to_one_percent() -> None:
    scheduled = make_optimizer(config.TrainConfig(learning_rate=0.02, warmup_steps=10), steps=100)
    weight = tf.Variable(1.0)
    rates = []
    for _ in range(101):
        scheduled.apply_gradients([(tf.constant(1.0), weight)])
        rates.append(float(scheduled.learning_rate))
    assert [rates[step] for step in (0, 5, 10, 55, 100)] == pytest.approx(
        [0, 0.01, 0.02, 0.02 * (1 + 0.01) / 2, 0.0002]  # at 55, half of the cosine
    )


def test_warm_up_of_short_training_takes_a_fourth() -> None:
    rate = make_optimizer(config.TrainConfig(learning_rate=0.02, warmup_steps=100), steps=20).schedule
    assert [float(rate(step)) for step in (0, 4, 5, 20)] == pytest.approx([0, 0.016, 0.02, 0.0002])


def test_biases_and_norms_do_not_decay() -> None:
    """A step with gradients of 0 moves only weights that decay."""
    decaying = make_optimizer(config.TrainConfig(weight_decay=0.5, warmup_steps=0), steps=100)
    layers = [tf.keras.layers.Dense(2, bias_initializer="ones"), tf.keras.layers.LayerNormalization()]
    for layer in layers:
        layer.build([None, 3])
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    before = [variable.numpy() for variable in variables]
    decaying.apply_gradients([(tf.zeros_like(variable), variable) for variable in variables])
    moved = {v.name for v, was in zip(variables, before, strict=True) if np.abs(v.numpy() - was).max() > 1e-4}
    assert moved == {variables[0].name}  # the kernel


def test_gradients_are_clipped_by_their_global_norm() -> None:
    """Gradients of 3 and 4 are clipped to 0.6 and 0.8, with a norm of 1."""
    clipping = make_optimizer(config.TrainConfig(clip_norm=1.0), steps=100)
    variables = [tf.Variable(0.0), tf.Variable(0.0)]
    clipping.apply_gradients(zip([tf.constant(3.0), tf.constant(4.0)], variables, strict=True))
    first_moments = [float(moment) for moment in clipping.variables if "/m/" in moment.name]
    assert first_moments == pytest.approx([0.1 * 0.6, 0.1 * 0.8])


@pytest.mark.parametrize("clip_norm", [None, 0.01])
@pytest.mark.parametrize("settings", [{}, {"accumulation": 3}, {"loss": {"kind": "in_batch"}}])
def test_logged_gradient_norm_is_the_norm_before_clipping(settings: dict[str, Any], clip_norm: float | None) -> None:
    """Gradient descent at a rate of 1 moves weights by the gradient. The batch repeats rows."""
    model = network(dropout=0.0, inputs={"position": True}, train=config.TrainConfig.model_validate(settings))
    model.compile(optimizer=tf.keras.optimizers.SGD(1.0, global_clipnorm=clip_norm))
    before = [weight.numpy().astype(np.float64) for weight in model.trainable_variables]
    batch = {ITEM_IDS: padded([[3, 1, 4], [2, 6], [3, 7]]), NEXT_IDS: padded([[1, 4, 1], [6, 2], [7, 3]])}
    logged = float(model.train_step(batch)["step_gradient_norm"])
    moved = [weight.numpy() - was for weight, was in zip(model.trainable_variables, before, strict=True)]
    norm = math.sqrt(sum(np.square(change).sum() for change in moved))
    if clip_norm is None:
        assert logged == pytest.approx(norm, rel=1e-4)
    else:
        assert norm == pytest.approx(clip_norm, rel=1e-3)
        assert logged > 10 * norm


def test_plateau_keeps_the_rate_until_scale_is_lowered() -> None:
    scheduled = make_optimizer(config.TrainConfig(learning_rate=0.02, warmup_steps=10, schedule="plateau"), steps=100)
    weight = tf.Variable(1.0)
    rates = []
    for step in range(60):
        if step == 50:
            scheduled.schedule.scale.assign(0.5)
        scheduled.apply_gradients([(tf.constant(1.0), weight)])
        rates.append(float(scheduled.learning_rate))
    assert [rates[step] for step in (0, 5, 10, 49, 59)] == pytest.approx([0, 0.01, 0.02, 0.02, 0.01])


def sparse(rows: list[int], values: list[float]) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values)[:, tf.newaxis], tf.constant(rows), tf.constant([4, 1]))


@pytest.mark.parametrize("kind", ["full", "sampled"])
def test_sparse_gradient_of_all_rows_updates_like_a_dense_one(kind: Literal["full", "sampled"]) -> None:
    tables = [tf.Variable([[1.0], [2.0], [3.0], [4.0]], name="items/vectors") for _ in range(2)]
    loss = config.LossConfig(kind=kind)
    train = config.TrainConfig(learning_rate=0.1, warmup_steps=0, weight_decay=0.2, clip_norm=100.0, loss=loss)
    optimizers = [make_optimizer(train, steps=10) for _ in tables]
    for values in ([0.1, -0.2, 0.3, 0.5], [0.3, 0.1, -0.1, 0.2]):
        optimizers[0].apply_gradients([(tf.constant(values)[:, tf.newaxis], tables[0])])
        optimizers[1].apply_gradients([(sparse([2, 0, 3, 1], [values[i] for i in (2, 0, 3, 1)]), tables[1])])
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-3)  # Keras decays before it moves
    assert np.abs(tables[0].numpy() - [[1.0], [2.0], [3.0], [4.0]]).min() > 0.01


@pytest.mark.parametrize("name", ["items/vectors", "genres/vectors"])
@pytest.mark.parametrize("kind", ["full", "sampled"])
def test_sparse_gradient_moves_only_its_rows_and_adds_repeated_ones(
    kind: Literal["full", "sampled"], name: str
) -> None:
    tables = [tf.Variable(tf.ones([4, 1]), name=name) for _ in range(2)]
    train = config.TrainConfig(learning_rate=0.1, warmup_steps=0, weight_decay=0.2, loss=config.LossConfig(kind=kind))
    for table, gradient in zip(tables, (sparse([1, 3, 1], [0.2, 0.5, 0.1]), sparse([1, 3], [0.3, 0.5])), strict=True):
        make_optimizer(train, steps=10).apply_gradients([(gradient, table)])
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-5)
    # Adam's first step equals the rate for any gradient, and the decay adds a fifth of the rate.
    np.testing.assert_allclose(tables[0][:, 0], [1, 1 - 0.12, 1, 1 - 0.12], rtol=1e-4)

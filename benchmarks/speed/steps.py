"""Time training steps on random histories in a process of its own, and print the result as JSON."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import typer

from schemas.config import ModelConfig, TrainConfig
from schemas.features import ITEM_IDS, PADDING_ID
from trainer.data.batches import NEXT_IDS
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.model import NextItemModel
from trainer.training.optimizer import make_optimizer

WARM_UP, STEPS = 5, 40
_BATCHES = 8  # different batches, used in turn


def step_s(items: int, length: int, model: ModelConfig, train: TrainConfig) -> tuple[float, NextItemModel]:
    """Return the median seconds of a training step on full histories, and the model.

    Args:
        items: number of items in the catalogue.
        length: length of the histories.
        model: settings of the model.
        train: settings of the training.

    Returns:
        Seconds per step, and the model that was trained.
    """
    random = np.random.default_rng(0)
    sequences = [random.integers(1, items + 1, length + 1) for _ in range(_BATCHES * train.batch_size)]
    shares = np.bincount(np.concatenate(sequences), minlength=items + 1)[1:].astype(np.float32)
    network = NextItemModel(TrainingSetStats(1, shares / shares.sum(), sequences, {}), length, model, train)
    network.compile(optimizer=make_optimizer(train, 1_000))
    rows = tf.constant(np.stack(sequences))
    batches = [rows[i::_BATCHES] for i in range(_BATCHES)]
    # The traced step with which Keras trains.
    step = network.make_train_function()
    feed = iter(
        tf.data.Dataset.from_tensor_slices(tf.stack(batches))
        .map(lambda batch: {ITEM_IDS: batch[:, :-1], NEXT_IDS: batch[:, 1:]})
        .repeat()
    )
    return _median_s(lambda: step(feed)), network


def parts_ms(items: int, length: int, model: ModelConfig, train: TrainConfig) -> dict[str, float]:
    """Return the milliseconds of a step, and of each of its parts, forward and backward.

    Args:
        items: number of items in the catalogue.
        length: length of the histories.
        model: settings of the model.
        train: settings of the training.

    Returns:
        Milliseconds by part; `step` is the whole step.
    """
    whole, network = step_s(items, length, model, train)
    random = np.random.default_rng(0)
    ids = tf.constant(random.integers(1, items + 1, (train.batch_size, length)), tf.int64)
    targets = tf.constant(random.integers(1, items + 1, (train.batch_size, length)), tf.int64)
    encoder, valid, times = network._encoder, ids != PADDING_ID, network._time_rule.read(ids, {})
    catalogue = network.items.loss_catalogue(training=True, whole=True)
    vectors = catalogue.embed(ids)
    recurrent = encoder._recur(vectors, training=True)
    states, _ = encoder(vectors, valid, times, training=True)
    flat, positives = tf.reshape(states, [-1, states.shape[-1]]), tf.reshape(targets, [-1])
    weights = tf.fill(tf.shape(positives), 1.0 / float(tf.size(positives)))

    def attend(x: tf.Tensor) -> tf.Tensor:
        for each in encoder._attention_blocks:
            x, _ = each(x, vectors, valid, times, training=True)
        return x

    def weights_of(blocks: list[tf.keras.layers.Layer]) -> list[tf.Variable]:
        return [weight for block in blocks for weight in block.trainable_variables]

    parts: dict[str, Callable[[], Any]] = {
        "embedding": _with_gradient(lambda: catalogue.embed(ids), network.items.trainable_variables),
        "recurrence": _with_gradient(
            lambda: encoder._recur(vectors, training=True), weights_of(encoder._recurrent_blocks)
        ),
        "attention": _with_gradient(lambda: attend(recurrent), weights_of(encoder._attention_blocks)),
        "softmax": _with_gradient(
            lambda: network._retrieval_task(flat, catalogue, positives, weights),
            network.items.trainable_variables,
        ),
    }
    found = {name: 1e3 * _median_s(part) for name, part in parts.items()}
    return {"step": 1e3 * whole, **found, "rest: optimizer, dropout, input": 1e3 * whole - sum(found.values())}


def _with_gradient(part: Callable[[], tf.Tensor], variables: list[tf.Variable]) -> Callable[[], Any]:
    @tf.function(autograph=False)
    def run() -> Any:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(part())
        return [tf.convert_to_tensor(g) for g in tape.gradient(total, variables) if g is not None]

    return run


def _median_s(run: Callable[[], Any]) -> float:
    for _ in range(WARM_UP):
        run()
    times = []
    for _ in range(STEPS):
        begin_s = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin_s)
    return float(np.median(times))


def main(items: int, length: int, model: str, train: str, parts: bool = False) -> None:
    """Time the steps of a model and print the result.

    Args:
        items: number of items in the catalogue.
        length: length of the histories.
        model: settings of the model, as JSON.
        train: settings of the training, as JSON.
        parts: time each part of a step instead.
    """
    settings = items, length, ModelConfig.model_validate_json(model), TrainConfig.model_validate_json(train)
    if parts:
        print(json.dumps(parts_ms(*settings)))
        return
    seconds, _ = step_s(*settings)
    print(json.dumps({"step_s": seconds, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    typer.run(main)

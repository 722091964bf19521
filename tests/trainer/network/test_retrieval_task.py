"""The retrieval task: its losses over the catalogue, against NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.network.item_vectors import ItemVectors
from trainer.network.retrieval_task import CatalogueRetrieval

Array = npt.NDArray[np.float32]
DIM = 6


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def items(count: int = 11) -> ItemVectors:
    return ItemVectors(tf.constant(random(1, 1 + count, DIM)), tf.constant(random(2, 1 + count)))


def retrieval(catalogue: ItemVectors, seed: int = 0, **loss: Any) -> float:
    tf.random.set_global_generator(tf.random.Generator.from_seed(seed))
    shares = np.full(catalogue.count, 1 / catalogue.count, np.float32)
    positives = tf.constant([1, 11, 5, 5, 5, 2, 1], tf.int64)
    task = CatalogueRetrieval(config.LossConfig(**loss), shares)
    return float(task(random(0, 7, DIM), catalogue, positives=positives, weights=tf.fill([7], 1 / 7)))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_full_loss_is_softmax_cross_entropy_over_catalogue(temperature: float) -> None:
    catalogue = items()
    vectors, biases = catalogue.look_up(range(1, 12))
    scores = (random(0, 7, DIM) @ vectors.numpy().T + biases.numpy()) / temperature
    exponentials = np.exp(scores.astype(np.float64))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    expected = -np.log(probabilities[np.arange(7), [0, 10, 4, 4, 4, 1, 0]]).mean()
    losses: list[dict[str, Any]] = [
        {},
        {"kind": "sampled", "negatives": 11},
        {"kind": "sampled", "negatives": 5_000},
    ]
    for loss in losses:
        assert retrieval(catalogue, temperature=temperature, **loss) == pytest.approx(expected, rel=1e-5)


def test_sampled_loss_varies_and_is_close_to_full_loss() -> None:
    catalogue = items(500)
    draws = [retrieval(catalogue, seed, kind="sampled", negatives=400, in_batch=0) for seed in range(20)]
    assert np.std(draws) > 0.01
    assert np.mean(draws) == pytest.approx(retrieval(catalogue), rel=0.1)


def test_sampled_loss_also_draws_targets_of_the_batch() -> None:
    catalogue = items(500)
    alone, joined = (retrieval(catalogue, kind="sampled", negatives=1, in_batch=count) for count in (0, 50))
    assert abs(joined - alone) > 0.1


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_in_batch_loss_uses_targets_of_the_batch_as_negatives(temperature: float) -> None:
    """The sample has seven targets, each expected 7/11 times. A negative that equals the target is ignored."""
    catalogue = items()
    positives = [1, 11, 5, 5, 5, 2, 1]
    vectors, biases = catalogue.look_up(positives)
    scores = (random(0, 7, DIM) @ vectors.numpy().T + biases.numpy()) / temperature
    losses = []
    for row, target in enumerate(positives):
        others = [np.exp(scores[row, c]) * 11 / 7 for c, item in enumerate(positives) if item != target]
        losses.append(np.log(1 + sum(others) / np.exp(scores[row, row])))
    found = retrieval(catalogue, kind="in_batch", temperature=temperature)
    assert found == pytest.approx(np.mean(losses), rel=1e-5)


def test_binary_loss_draws_negatives_from_all_items() -> None:
    draws = [retrieval(items(), seed, kind="binary", negatives=4) for seed in range(5)]
    assert np.std(draws) > 1e-3
    assert np.isfinite(retrieval(items(), kind="binary", negatives=5_000))

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.network.attention import ATTENTION
from trainer.network.item_embeddings import ItemEmbeddings
from trainer.network.tasks import CatalogueRetrieval, Ranker

Array = npt.NDArray[np.float32]
BATCH, POSITIONS, C, LENGTH, DIM = 2, 3, 4, 5, 6


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def items(count: int = 11) -> ItemEmbeddings:
    layer = ItemEmbeddings(count, DIM)
    layer.set_weights([random(1, 1 + count, DIM), random(2, 1 + count)])
    return layer


def retrieval(catalogue: ItemEmbeddings, seed: int = 0, **loss: Any) -> float:
    tf.random.set_global_generator(tf.random.Generator.from_seed(seed))
    shares = np.full(catalogue.count, 1 / catalogue.count, np.float32)
    positives = tf.constant([1, 11, 5, 5, 5, 2, 1], tf.int64)
    task = CatalogueRetrieval(config.LossConfig(**loss), shares)
    return float(task(random(0, 7, DIM), catalogue, positives=positives, weights=tf.fill([7], 1 / 7)))


def test_retrieval_is_the_cross_entropy_of_a_softmax_over_the_catalogue() -> None:
    catalogue = items()
    scores = random(0, 7, DIM) @ catalogue.vectors(range(1, 12)).numpy().T + catalogue.biases(range(1, 12)).numpy()
    exponentials = np.exp(scores.astype(np.float64))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(7), [0, 10, 4, 4, 4, 1, 0]]).mean()
    assert retrieval(catalogue) == pytest.approx(expected, rel=1e-5)
    assert retrieval(catalogue, kind="sampled", negatives=11) == pytest.approx(expected, rel=1e-5)
    assert retrieval(catalogue, kind="sampled", negatives=5_000) == pytest.approx(expected, rel=1e-5)


def test_a_sample_is_drawn_anew_and_comes_near_the_full_softmax() -> None:
    catalogue = items(500)
    draws = [retrieval(catalogue, seed, kind="sampled", negatives=400, in_batch=0) for seed in range(20)]
    assert np.std(draws) > 0.01
    assert np.mean(draws) == pytest.approx(retrieval(catalogue), rel=0.1)


def test_items_of_the_batch_join_the_sample() -> None:
    catalogue = items(500)
    alone, joined = (retrieval(catalogue, kind="sampled", negatives=1, in_batch=count) for count in (0, 50))
    assert abs(joined - alone) > 0.1


def test_in_batch_candidates_are_the_targets_of_the_batch() -> None:
    """Five of seven targets, each expected 7/11 times; an item that is the target itself does not count."""
    catalogue = items()
    positives = [1, 11, 5, 5, 5, 2, 1]
    scores = random(0, 7, DIM) @ catalogue.vectors(positives).numpy().T + catalogue.biases(positives).numpy()
    losses = []
    for row, target in enumerate(positives):
        others = [np.exp(scores[row, c]) * 11 / 7 for c, item in enumerate(positives) if item != target]
        losses.append(np.log(1 + sum(others) / np.exp(scores[row, row])))
    assert retrieval(catalogue, kind="in_batch") == pytest.approx(np.mean(losses), rel=1e-5)


def test_binary_draws_its_negatives_from_all_items() -> None:
    draws = [retrieval(items(), seed, kind="binary", negatives=4) for seed in range(5)]
    assert np.std(draws) > 1e-3
    assert np.isfinite(retrieval(items(), kind="binary", negatives=5_000))


def ranker(kind: str = "scaled_dot_product") -> Ranker:
    tf.keras.utils.set_random_seed(0)
    return Ranker(DIM, config.AttentionConfig(kind=kind, heads=2, window=4), hidden=[8])  # type: ignore[arg-type]


def inputs() -> tuple[Array, Array, Array, npt.NDArray[np.bool_], Any]:
    mask = np.arange(LENGTH) <= np.array([0, 2, 4])[:, None]
    return (
        random(1, BATCH, POSITIONS, DIM),
        random(2, BATCH, POSITIONS, C, DIM),
        random(3, BATCH, LENGTH, DIM),
        np.repeat(mask[None], BATCH, axis=0),
        np.broadcast_to(np.arange(LENGTH) // 2, (BATCH, LENGTH)).astype(np.int32),
    )


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_each_candidate_is_scored_by_itself(kind: str) -> None:
    """Its score does not change with the other candidates, their number or their order."""
    query, candidates, states, mask, sessions = inputs()
    layer = ranker(kind)
    scores = layer(query, candidates, states, mask, sessions).numpy()
    assert scores.shape == (BATCH, POSITIONS, C)
    for i in range(C):
        alone = layer(query, candidates[:, :, i : i + 1], states, mask, sessions)
        np.testing.assert_allclose(scores[:, :, i : i + 1], alone, atol=1e-5)
    assert scores.std(axis=-1).min() > 1e-3


def test_states_after_a_position_do_not_count_for_it() -> None:
    query, candidates, states, mask, sessions = inputs()
    changed = states.copy()
    changed[:, 1:] += 1.0
    layer = ranker()
    before, after = (layer(query, candidates, s, mask, sessions).numpy() for s in (states, changed))
    np.testing.assert_allclose(before[:, 0], after[:, 0], atol=1e-6)
    assert np.abs(before[:, 1:] - after[:, 1:]).max() > 1e-3


def test_every_input_counts() -> None:
    query, candidates, states, mask, sessions = inputs()
    layer = ranker()
    before = layer(query, candidates, states, mask, sessions).numpy()
    for changed in ((query + 1, candidates, states), (query, candidates + 1, states), (query, candidates, states + 1)):
        assert np.abs(layer(*changed, mask, sessions).numpy() - before).max() > 1e-3


def test_hidden_layers_are_built_as_wide_as_configured() -> None:
    layer = Ranker(DIM, config.AttentionConfig(kind="scaled_dot_product"), hidden=[9, 7])
    layer(*inputs())
    shapes = [tuple(variable.shape) for variable in layer.trainable_variables]
    assert {(4 * DIM, 9), (9, 7), (7, 1)} <= set(shapes)

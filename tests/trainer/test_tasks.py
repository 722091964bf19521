import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.attention import ATTENTION
from trainer.tasks import CatalogueRetrieval, Ranker

Array = npt.NDArray[np.float32]
BATCH, POSITIONS, C, LENGTH, DIM = 2, 3, 4, 5, 6


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_retrieval_is_the_cross_entropy_of_a_softmax_over_the_catalogue() -> None:
    queries, candidates, positives = random(0, 7, 3), random(1, 11, 3), np.array([0, 10, 4, 4, 4, 1, 0])
    exponentials = np.exp((queries @ candidates.T).astype(np.float64))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(7), positives]).mean()
    loss = CatalogueRetrieval()(queries, candidates, positives=positives)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_queries_that_score_all_items_alike_lose_the_logarithm_of_their_number() -> None:
    loss = CatalogueRetrieval()(np.zeros((2, 3), np.float32), random(1, 50, 3), positives=np.array([3, 49]))
    np.testing.assert_allclose(loss, np.log(50), rtol=1e-6)


def ranker(kind: str = "dot_product") -> Ranker:
    tf.keras.utils.set_random_seed(0)
    return Ranker(DIM, config.Attention(kind=kind, heads=2), hidden=[8])  # type: ignore[arg-type]


def inputs() -> tuple[Array, Array, Array, npt.NDArray[np.bool_]]:
    mask = np.arange(LENGTH) <= np.array([0, 2, 4])[:, None]
    return (
        random(1, BATCH, POSITIONS, DIM),
        random(2, BATCH, POSITIONS, C, DIM),
        random(3, BATCH, LENGTH, DIM),
        np.repeat(mask[None], BATCH, axis=0),
    )


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_each_candidate_is_scored_by_itself(kind: str) -> None:
    """Its score does not change with the other candidates, their number or their order."""
    query, candidates, states, mask = inputs()
    layer = ranker(kind)
    scores = layer(query, candidates, states, mask).numpy()
    assert scores.shape == (BATCH, POSITIONS, C)
    for i in range(C):
        alone = layer(query, candidates[:, :, i : i + 1], states, mask)
        np.testing.assert_allclose(scores[:, :, i : i + 1], alone, atol=1e-5)
    assert scores.std(axis=-1).min() > 1e-3


def test_states_after_a_position_do_not_count_for_it() -> None:
    query, candidates, states, mask = inputs()
    changed = states.copy()
    changed[:, 1:] += 1.0
    layer = ranker()
    before, after = (layer(query, candidates, s, mask).numpy() for s in (states, changed))
    np.testing.assert_allclose(before[:, 0], after[:, 0], atol=1e-6)
    assert np.abs(before[:, 1:] - after[:, 1:]).max() > 1e-3


def test_every_input_counts() -> None:
    query, candidates, states, mask = inputs()
    layer = ranker()
    before = layer(query, candidates, states, mask).numpy()
    for changed in ((query + 1, candidates, states), (query, candidates + 1, states), (query, candidates, states + 1)):
        assert np.abs(layer(*changed, mask).numpy() - before).max() > 1e-3


def test_hidden_layers_are_built_as_wide_as_configured() -> None:
    layer = Ranker(DIM, config.Attention(kind="dot_product"), hidden=[9, 7])
    layer(*inputs())
    shapes = [tuple(variable.shape) for variable in layer.trainable_variables]
    assert {(4 * DIM, 9), (9, 7), (7, 1)} <= set(shapes)

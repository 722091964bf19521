"""The network that scores the candidates of the ranking task."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.network.attention import ATTENTION
from trainer.network.ranking_task import Ranker

Array = npt.NDArray[np.float32]
BATCH, POSITIONS, C, LENGTH, DIM = 2, 3, 4, 5, 6


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


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
def test_score_of_a_candidate_ignores_other_candidates(kind: str) -> None:
    """The other candidates' number and order make no difference."""
    query, candidates, states, mask, sessions = inputs()
    layer = ranker(kind)
    scores = layer(query, candidates, states, mask, sessions).numpy()
    assert scores.shape == (BATCH, POSITIONS, C)
    for i in range(C):
        alone = layer(query, candidates[:, :, i : i + 1], states, mask, sessions)
        np.testing.assert_allclose(scores[:, :, i : i + 1], alone, atol=1e-5)
    assert scores.std(axis=-1).min() > 1e-3


def test_score_at_a_position_ignores_later_states() -> None:
    query, candidates, states, mask, sessions = inputs()
    changed = states.copy()
    changed[:, 1:] += 1.0
    layer = ranker()
    before, after = (layer(query, candidates, s, mask, sessions).numpy() for s in (states, changed))
    np.testing.assert_allclose(before[:, 0], after[:, 0], atol=1e-6)
    assert np.abs(before[:, 1:] - after[:, 1:]).max() > 1e-3


def test_scores_depend_on_query_candidates_and_states() -> None:
    query, candidates, states, mask, sessions = inputs()
    layer = ranker()
    before = layer(query, candidates, states, mask, sessions).numpy()
    for changed in ((query + 1, candidates, states), (query, candidates + 1, states), (query, candidates, states + 1)):
        assert np.abs(layer(*changed, mask, sessions).numpy() - before).max() > 1e-3


def test_hidden_layers_have_configured_widths() -> None:
    layer = Ranker(DIM, config.AttentionConfig(kind="scaled_dot_product"), hidden=[9, 7])
    layer(*inputs())
    shapes = [tuple(variable.shape) for variable in layer.trainable_variables]
    assert {(4 * DIM, 9), (9, 7), (7, 1)} <= set(shapes)

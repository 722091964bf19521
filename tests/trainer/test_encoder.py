from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.attention import ATTENTION
from trainer.encoder import HistoryEncoder

BATCH, LENGTH, DIM = 3, 6, 4
LENGTHS = [6, 3, 1]

Array = npt.NDArray[np.float32]


def encoder(kind: str = "multi_head", dropout: float = 0.0, units: int = 5) -> Any:
    tf.keras.utils.set_random_seed(0)
    attention = config.Attention(kind=kind, heads=2)  # type: ignore[arg-type]
    return HistoryEncoder(DIM, config.Encoder(units=units), attention, dropout)


def batch() -> tuple[Array, npt.NDArray[np.bool_]]:
    embeddings = np.random.default_rng(1).normal(size=(BATCH, LENGTH, DIM)).astype(np.float32)
    valid = np.arange(LENGTH) < np.array(LENGTHS)[:, None]
    return embeddings * valid[..., None], valid


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_every_position_gets_a_state_of_the_embeddings_width_and_causal_weights(kind: str) -> None:
    states, weights = encoder(kind)(*batch())
    assert states.shape == (BATCH, LENGTH, DIM)
    np.testing.assert_allclose(tf.reduce_sum(weights, axis=-1), np.ones((BATCH, LENGTH)), atol=1e-6)
    assert (np.triu(weights[0], 1) == 0).all()
    assert (weights[1, :, 3:].numpy() == 0).all()


def test_a_state_does_not_know_what_follows() -> None:
    embeddings, valid = batch()
    changed = embeddings.copy()
    changed[0, 4] += 1.0
    layer = encoder()
    before, after = layer(embeddings, valid)[0].numpy(), layer(changed, valid)[0].numpy()
    np.testing.assert_allclose(before[0, :4], after[0, :4], atol=1e-6)
    assert np.abs(before[0, 4:] - after[0, 4:]).max() > 1e-3


def test_the_attention_block_carries_early_items_past_the_recurrence() -> None:
    """Masking the first position, which the recurrence does not notice, changes later states."""
    embeddings, valid = batch()
    hidden = valid.copy()
    hidden[0, 0] = False
    layer = encoder()
    difference = layer(embeddings, valid)[0].numpy()[0] - layer(embeddings, hidden)[0].numpy()[0]
    assert (np.abs(difference).max(axis=-1) > 1e-5).all()


def test_dropout_is_on_in_training_only() -> None:
    embeddings, valid = batch()
    layer = encoder(dropout=0.5)
    once, again = (layer(embeddings, valid, training=True)[0].numpy() for _ in range(2))
    assert np.abs(once - again).max() > 1e-3
    np.testing.assert_array_equal(layer(embeddings, valid)[0], layer(embeddings, valid)[0])


def test_units_may_differ_from_the_embeddings_width() -> None:
    assert encoder(units=9)(*batch())[0].shape == (BATCH, LENGTH, DIM)

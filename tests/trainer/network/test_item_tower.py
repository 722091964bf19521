"""The item tower, against NumPy: sources, gates, hidden ids, items without content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas.config import ItemTowerConfig, TextConfig
from trainer.data.item_features import ItemEncoding, ItemFeatures
from trainer.data.tokens import TextEncoding
from trainer.network.item_tower import ItemTower
from trainer.network.item_vectors import ItemVectors

ITEMS, DIM = 6, 4
GENRES = np.array([[0, 0], [1, 2], [2, 0], [1, 2], [0, 0], [3, 0], [2, 0]])  # item 4 has none
NAN = [np.nan, np.nan]
IMAGES = np.array([NAN, [1, 2], [0, 1], [1, 2], NAN, [2, 1], NAN], np.float32)  # items 4 and 6 have none
FEATURES = ItemFeatures({"genres": GENRES}, {"image": IMAGES})
TITLES = np.array([[0, 0], [2, 0], [1, 2], [3, 0], [0, 0], [1, 1], [1, 3]], np.int32)[:, np.newaxis]  # item 4 has none
VOCABULARY = TextEncoding(("title",), ("a", "b"), 2)  # so 3 is an unknown token
TEXT = ItemFeatures(tokens=TITLES, encoding=ItemEncoding(text=VOCABULARY))
SEEN = np.array([False, True, True, False, False, True, True])  # items 3 and 4 have no interaction
EVERY = tf.range(1, 1 + ITEMS, dtype=tf.int64)


def tower(
    features: ItemFeatures = FEATURES,
    seen: npt.NDArray[np.bool_] = SEEN,
    id_dropout: float = 0.0,
    text: TextConfig = TextConfig(kind="bag", token_dim=3, dropout=0.0),  # noqa: B008
) -> ItemTower:
    """Return a tower with random weights, so that nothing is 0 by chance."""
    made = ItemTower(ITEMS, DIM, features, seen, ItemTowerConfig(id_dropout=id_dropout, text=text))
    made.catalogue().all()  # creates all weights
    rng = np.random.default_rng(1)
    for weight in made.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return made


def weights(made: ItemTower) -> dict[str, npt.NDArray[np.float64]]:
    return {weight.name.removesuffix(":0"): weight.numpy().astype(np.float64) for weight in made.trainable_variables}


def values(items: ItemVectors) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    vectors, biases = items.look_up(EVERY)
    return vectors.numpy(), biases.numpy()


def gated_sum(w: dict[str, npt.NDArray[np.float64]], sources: Sequence[Any]) -> Any:
    """Return the vector of an item from those of its sources, in float64."""
    logits = sum(source @ w["items/gate"][n] for n, source in enumerate(sources))
    gates = 2 / (1 + np.exp(-(logits + w["items/gate_bias"])))
    return sum(gate * source for gate, source in zip(gates, sources, strict=True))


def catalogues(made: ItemTower) -> list[ItemVectors]:
    """Return the items in each of the ways in which they are read."""
    return [made.catalogue(), *(made.loss_catalogue(training=True, whole=whole) for whole in (False, True))]


def test_vectors_are_the_gated_sum_of_the_sources() -> None:
    made = tower()
    w = weights(made)
    ids = [w["items/vectors"][1], w["items/vectors"][2], w["items/absent"]]  # item 3 is not seen
    genres = [np.mean([w["genres/vectors"][code - 1] for code in row if code], axis=0) for row in GENRES[[1, 2, 3]]]
    images = IMAGES[[1, 2, 3]] @ w["image/matrix"]
    for row, sources in enumerate(zip(ids, genres, images, strict=True)):
        expected = gated_sum(w, sources)
        for items in catalogues(made):
            np.testing.assert_allclose(values(items)[0][row], expected, rtol=1e-4)


def test_texts_are_a_source() -> None:
    made = tower(TEXT)
    w = weights(made)
    prefix = next(name for name in w if name.endswith("project/kernel")).removesuffix("project/kernel")
    tokens = w["tokens/vectors"] * 3**0.5  # as wide as a row of the table
    bags = [tokens[[1]].mean(0), tokens[[0, 1]].mean(0), tokens[[2]].mean(0)]
    texts = [bag @ w[f"{prefix}project/kernel"] + w[f"{prefix}project/bias"] for bag in bags]
    texts.append(w["Texts/absent"])  # of item 4
    ids = [w["items/vectors"][1], w["items/vectors"][2], w["items/absent"], w["items/absent"]]
    for row, sources in enumerate(zip(ids, texts, strict=True)):
        expected = gated_sum(w, sources)
        for items in catalogues(made):
            np.testing.assert_allclose(values(items)[0][row], expected, rtol=1e-4)


def test_dropout_of_texts_is_for_training_only() -> None:
    made = tower(TEXT, text=TextConfig(kind="bag", token_dim=3, dropout=0.5))
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    in_use, first, second = values(made.catalogue())[0], *(values(each)[0] for each in catalogues(made)[1:])
    np.testing.assert_array_equal(in_use, values(made.catalogue())[0])
    assert np.abs(first - in_use)[[0, 1, 2]].max() > 1e-3
    assert np.abs(first - second)[[0, 1, 2]].max() > 1e-3
    np.testing.assert_allclose(first[3], in_use[3], rtol=1e-6)  # no text, nothing to drop


def test_frozen_items_equal_computed_ones_if_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.network.item_tower._AT_ONCE", 3)
    for features in (FEATURES, TEXT):
        made = tower(features)
        computed = values(made.catalogue())
        made.freeze()
        for found, expected in zip(values(made.catalogue()), computed, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_shapes_are_those_of_the_ids() -> None:
    for items in (each for features in (FEATURES, TEXT) for each in catalogues(tower(features))):
        ids = tf.constant([[1, 5, 0], [6, 6, 2]], tf.int64)
        vectors, biases = items.look_up(ids)
        assert vectors.shape == items.embed(ids).shape == (2, 3, DIM)
        assert biases.shape == (2, 3)
        np.testing.assert_allclose(items.embed(ids), vectors * DIM**0.5, rtol=1e-6)


def test_items_start_as_the_sum_of_their_sources() -> None:
    made = ItemTower(ITEMS, DIM, ItemFeatures({"genres": GENRES}), np.ones(1 + ITEMS, np.bool_))
    ids = made.trainable_variables[0].numpy()
    vectors, _ = values(made.catalogue())
    np.testing.assert_allclose(vectors[3], ids[4], rtol=1e-5)  # item 4 has no genre, whose vector starts at 0
    np.testing.assert_allclose(vectors[0] - ids[1], vectors[2] - ids[3], atol=1e-7)  # items 1 and 3 have equal genres
    assert np.abs(vectors[0] - ids[1]).max() > 1e-3


@pytest.mark.parametrize("source", ["genres", "image"])
def test_absent_content_has_a_learned_vector(source: str) -> None:
    made = tower()
    (absent,) = [weight for weight in made.trainable_variables if weight.name.endswith(f"{source}/absent:0")]
    before = values(made.catalogue())[0]
    absent.assign_add(tf.ones(DIM))
    moved = np.abs(values(made.catalogue())[0] - before).max(axis=1) > 1e-4
    assert (1 + np.flatnonzero(moved)).tolist() == {"genres": [4], "image": [4, 6]}[source]


def test_unseen_item_has_the_vector_of_its_content_and_a_common_bias() -> None:
    features = ItemFeatures({"genres": np.array([[0], [1], [1], [1], [2], [2], [2]])})
    seen = np.array([False, True, False, False, False, False, True])
    vectors, biases = values(tower(features, seen).catalogue())
    # A processor may round rows of a product differently.
    np.testing.assert_allclose(vectors[1], vectors[2], rtol=1e-6)  # 2 and 3 are not seen; 1 is
    np.testing.assert_allclose(vectors[3], vectors[4], rtol=1e-6)
    assert len({*biases[1:5].tolist()}) == 1
    assert np.abs(vectors[0] - vectors[1]).max() > 0.1
    assert np.abs(vectors[1] - vectors[3]).max() > 0.1
    assert len({*biases.tolist()}) == 3


def test_training_compares_the_items_that_it_has_seen() -> None:
    for items in catalogues(tower())[1:]:
        assert items.count == 4
        vectors, biases = items.all()
        seen = tf.constant([1, 2, 5, 6], tf.int64)
        for found, expected in zip((vectors, biases), items.look_up(seen), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert items.ids(tf.range(4)).numpy().tolist() == seen.numpy().tolist()
        assert items.rows(seen).numpy().tolist() == [0, 1, 2, 3]


def test_model_in_use_recommends_all_items() -> None:
    items = tower().catalogue()
    vectors, biases = items.all()
    assert (items.count, vectors.shape, biases.shape) == (ITEMS, (ITEMS, DIM), (ITEMS,))
    np.testing.assert_allclose(vectors, values(tower().catalogue())[0], rtol=1e-5)


@pytest.mark.parametrize("whole", [False, True])
def test_id_dropout_hides_its_fraction_of_the_ids_in_training_only(whole: bool) -> None:
    count = 2_000
    features = ItemFeatures({"genres": np.ones([1 + count, 1], np.int64)})
    made = ItemTower(count, DIM, features, np.ones(1 + count, np.bool_), ItemTowerConfig(id_dropout=0.25))
    biases = made.trainable_variables[[w.name for w in made.trainable_variables].index("items/bias:0")]
    biases.assign(tf.ones(1 + count))  # the bias of a hidden id is still 0
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))

    first, second = (made.loss_catalogue(training=True, whole=whole) for _ in range(2))

    ids = tf.range(1, 1 + count)
    hidden = [1.0 - items.look_up(ids)[1].numpy() for items in (first, second)]
    # Four standard deviations of a share of 2,000 are 0.039.
    assert [each.mean() for each in hidden] == pytest.approx([0.25, 0.25], abs=0.04)
    assert (hidden[0] != hidden[1]).any()  # each step draws anew
    np.testing.assert_array_equal(1.0 - first.look_up(ids)[1].numpy(), hidden[0])  # but only once
    assert made.catalogue().look_up(ids)[1].numpy().min() == 1.0


def test_without_content_the_vectors_are_the_ids_own() -> None:
    made = tower(ItemFeatures(), id_dropout=0.9)
    assert [weight.shape for weight in made.trainable_variables] == [(1 + ITEMS, DIM), (1 + ITEMS,)]
    vectors, biases = (weight.numpy()[1:] for weight in made.trainable_variables)
    for items in catalogues(made):
        found = values(items)
        np.testing.assert_array_equal(found[0], vectors)
        np.testing.assert_array_equal(found[1], biases)
        assert items.count == ITEMS


def test_frozen_items_are_looked_up_and_training_goes_on() -> None:
    made = tower()
    before = values(made.catalogue())

    made.freeze()

    for found, expected in zip(values(made.catalogue()), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    looked_up = tf.function(lambda: made.catalogue().embed(EVERY), autograph=False).get_concrete_function()
    assert [variable.shape.as_list() for variable in looked_up.variables] == [[None, DIM], [None]]
    made.trainable_variables[0].assign_add(tf.ones([1 + ITEMS, DIM]))
    np.testing.assert_allclose(values(made.catalogue())[0], before[0], rtol=1e-5)
    assert np.abs(values(made.loss_catalogue(training=True, whole=False))[0] - before[0]).max() > 0.1


def test_items_are_frozen_for_a_block_only() -> None:
    made = tower()
    before = values(made.catalogue())[0]
    with made.frozen():
        made.trainable_variables[0].assign_add(tf.ones([1 + ITEMS, DIM]))
        assert made.catalogue().count == ITEMS
        np.testing.assert_allclose(values(made.catalogue())[0], before, rtol=1e-5)
        np.testing.assert_allclose(made.catalogue().all()[0], before, rtol=1e-5)
    assert np.abs(values(made.catalogue())[0] - before).max() > 0.1
    with pytest.raises(KeyError), made.frozen():
        raise KeyError
    made.trainable_variables[0].assign_add(tf.ones([1 + ITEMS, DIM]))
    assert np.abs(values(made.catalogue())[0] - before).max() > 0.2

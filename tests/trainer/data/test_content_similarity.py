"""Similarities by content, with weights that a reader can compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from trainer.data import content_similarity
from trainer.data.content_similarity import content_matrix, nearest_known
from trainer.data.item_features import ItemFeatures

Array = npt.NDArray[Any]

# Row 0 is padding. Of four known items, genre 1 is that of one, genre 2 of two and genre 3 of all.
GENRES = np.array([[0, 0, 0], [1, 3, 0], [2, 3, 0], [2, 3, 0], [3, 0, 0]])
IMAGES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [np.nan, np.nan], [-3.0, 0.0]], np.float32)


def similarities(features: ItemFeatures, known: int = 4) -> Array:
    content = content_matrix(features, known)
    return np.asarray((content @ content.T).toarray())


def test_categories_count_by_how_rare_they_are() -> None:
    one, two, four = math.log(5 / 1), math.log(5 / 2), math.log(5 / 4)
    found = similarities(ItemFeatures(codes={"genres": GENRES}))
    assert found[1, 2] == pytest.approx(1.0)
    assert found[0, 1] == pytest.approx(four**2 / math.hypot(one, four) / math.hypot(two, four))
    assert found[0, 3] == pytest.approx(four / math.hypot(one, four))


def test_columns_add_their_similarities_and_a_missing_value_adds_nothing() -> None:
    genres, images = ItemFeatures(codes={"genres": GENRES}), ItemFeatures(vectors={"image": IMAGES})
    both = ItemFeatures(codes={"genres": GENRES}, vectors={"image": IMAGES})
    np.testing.assert_allclose(similarities(both), similarities(genres) + similarities(images), atol=1e-6)
    assert similarities(images).round(6).tolist() == [[1, 0, 0, -1], [0, 1, 0, 0], [0, 0, 0, 0], [-1, 0, 0, 1]]


def test_tokens_of_all_texts_are_one_part() -> None:
    """scikit-learn's inverse document frequency adds 1, so a token of every document is not 0 there."""
    tokens = np.array([[[0, 0], [0, 0]], [[1, 2], [2, 0]], [[1, 0], [3, 0]], [[0, 0], [0, 0]]], np.int32)
    hot = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]])
    idf = TfidfTransformer(norm="l2", smooth_idf=False).fit(hot)
    idf.idf_ = np.log(4 / np.maximum(hot.sum(axis=0), 1))

    found = similarities(ItemFeatures(tokens=tokens), known=3)

    expected = idf.transform(hot).toarray()
    np.testing.assert_allclose(found, expected @ expected.T, atol=1e-6)


def test_weights_of_the_nearest_items_are_squares_of_similarities() -> None:
    known = ItemFeatures(codes={"genres": GENRES}, vectors={"image": IMAGES})
    new = ItemFeatures(
        codes={"genres": np.array([[0], [1], [0], [0]])}, vectors={"image": np.zeros((4, 2), np.float32)}
    )
    new.vectors["image"][2:] = [[1.0, 1.0], [np.nan, np.nan]]

    found = nearest_known(known, new, count=2).toarray()

    assert found[0].tolist() == [1, 0, 0, 0]  # the only item of the genre
    np.testing.assert_allclose(found[1], [0.5, 0.5, 0, 0], atol=1e-6)  # both at 45 degrees; the last one is opposite
    assert found[2].tolist() == [0, 0, 0, 0]


def test_blocks_give_the_same_weights_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    known, new = (
        ItemFeatures(
            {"genres": generator.integers(0, 9, (size, 3))},
            tokens=generator.integers(0, 30, (size, 2, width)).astype(np.int32),
        )
        for size, width in ((40, 5), (26, 7))
    )
    whole = nearest_known(known, new, count=5)
    monkeypatch.setattr(content_similarity, "_AT_ONCE", 7 * 39)

    found = nearest_known(known, new, count=5)

    np.testing.assert_allclose(found.toarray(), whole.toarray(), atol=1e-6)
    assert found.shape == (25, 39)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)
    assert (found.getnnz(axis=1) <= 5).all()

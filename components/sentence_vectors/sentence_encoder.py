"""A sentence encoder of the BERT family: from texts to their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.data.encoder_files import loading
from trainer.data.word_pieces import WordPieces
from trainer.network.bert import Bert

_TEXTS_AT_ONCE = 64


class SentenceEncoder:
    """Word pieces and a BERT over them.

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
        bert = Bert(folder)
        with loading(folder):
            self._pieces = WordPieces(bert.settings.pieces)
        self.dim, self._max_tokens = bert.dim, bert.settings.max_tokens
        self._run = tf.function(bert.vectors, input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)

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

"""The sources of an item's vector, in addition to its id: categories and numbers, vectors, and texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import TextConfig
from schemas.features import PADDING_ID
from trainer.data.item_features import TEXTS, Codes, Vectors
from trainer.data.piece_encoding import PieceEncoding
from trainer.data.tokens import TextEncoding, Tokens
from trainer.network.adapted_encoder import AdaptedEncoder
from trainer.network.input_features import CodeEmbedding
from trainer.network.text_encoders import TextEncoder

STDDEV = 0.02  # of initial vectors; it takes epochs to unlearn larger ones


class ItemSource(tf.keras.layers.Layer):
    """A source of an item's vector. A subclass adds `embed`.

    Args:
        content: what the source says about each item, [1 + items, ...].
        dim: width of the vectors.
        name: the layer's name.
    """

    def __init__(self, content: npt.NDArray[Any], dim: int, name: str) -> None:
        super().__init__(name=name, dtype=tf.float32)
        self._content = tf.Variable(content, trainable=False, name=name)
        self._absent = self.add_weight(name=f"{name}/absent", shape=[dim], initializer="zeros")

    def call(self, item_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of items.

        Args:
            item_ids: int [...].
            training: whether dropout is on.

        Returns:
            float32 [..., dim]; the learned vector `absent` for an item without content.
        """
        vectors = self.embed(tf.gather(self._content, tf.reshape(item_ids, [-1])), training)
        return tf.reshape(vectors, tf.concat([tf.shape(item_ids), tf.shape(vectors)[-1:]], axis=0))


class CodeSource(ItemSource):
    """The mean vector of an item's categories, or the vector of its number's bucket.

    Args:
        codes: as in `ItemFeatures`.
        dim: width of the vectors.
        name: the layer's name.
    """

    def __init__(self, codes: Codes, dim: int, name: str) -> None:
        super().__init__(codes, dim, name)
        self._table = CodeEmbedding(int(codes.max()) + 1, dim, name)

    def embed(self, codes: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of codes.

        Args:
            codes: int64 [n, any], padded with 0.
            training: not used, because there is no dropout.

        Returns:
            float32 [n, dim]; the learned vector `absent` without a code.
        """
        known = tf.math.count_nonzero(codes, axis=-1, keepdims=True, dtype=tf.float32)
        mean = tf.reduce_sum(self._table(codes), axis=-2) / tf.maximum(known, 1.0)
        return tf.where(known > 0, mean, self._absent)


class VectorSource(ItemSource):
    """A learned projection of vectors that were computed elsewhere, and do not change.

    Args:
        vectors: as in `ItemFeatures`.
        dim: width of the projection.
        name: the layer's name.
    """

    def __init__(self, vectors: Vectors, dim: int, name: str) -> None:
        super().__init__(vectors.astype(np.float32), dim, name)
        self._matrix = self.add_weight(name=f"{name}/matrix", shape=[vectors.shape[1], dim], initializer=normal(STDDEV))

    def embed(self, vectors: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return projected vectors.

        Args:
            vectors: float32 [n, length], NaN if missing.
            training: not used, because there is no dropout.

        Returns:
            float32 [n, dim]; the learned vector `absent` for a missing vector.
        """
        present = ~tf.math.is_nan(vectors[:, :1])
        projected = tf.matmul(tf.where(present, vectors, 0.0), self._matrix)  # NaN would spread to the gradients
        return tf.where(present, projected, self._absent)


class TextSource(ItemSource):
    """A text encoder over the tokens of an item.

    Args:
        tokens: as in `ItemFeatures`.
        encoder: from int32 [n, texts, length] to float32 [n, dim].
        dim: width of the vectors.
    """

    def __init__(self, tokens: Tokens, encoder: tf.keras.layers.Layer, dim: int) -> None:
        super().__init__(tokens, dim, TEXTS)
        self._encoder = encoder

    def embed(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of texts.

        Args:
            tokens: int32 [n, texts, length], padded on the right with 0.
            training: whether dropout is on.

        Returns:
            float32 [n, dim]; the learned vector `absent` without a token.
        """
        has_text = tf.reduce_any(tokens != PADDING_ID, axis=[1, 2])[:, tf.newaxis]
        return tf.where(has_text, self._encoder(tokens, training=training), self._absent)


class SentenceSource(TextSource):
    """A sentence encoder over the word pieces of an item. It is large, so that it reads an item once a call."""

    def call(self, item_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of items.

        Args:
            item_ids: int [...].
            training: whether dropout is on; the vectors of an item are the same at all its places.

        Returns:
            float32 [..., dim]; the learned vector `absent` for an item without a word.
        """
        distinct, place = tf.unique(tf.reshape(item_ids, [-1]))
        vectors = super().call(distinct, training)
        return tf.gather(vectors, tf.reshape(place, tf.shape(item_ids)))


def make_text_source(tokens: Tokens, encoding: TextEncoding | PieceEncoding, dim: int, text: TextConfig) -> TextSource:
    """Return the source of an item's texts.

    Args:
        tokens: as in `ItemFeatures`.
        encoding: the encoding of these tokens.
        dim: width of the vectors.
        text: the encoder.

    Raises:
        InputError: a sentence encoder cannot be loaded, or its adapters are too large.
    """
    if isinstance(encoding, PieceEncoding):
        return SentenceSource(tokens, AdaptedEncoder(dim, text), dim)
    return TextSource(tokens, TextEncoder(len(encoding.tokens), dim, text), dim)


def normal(stddev: float) -> tf.keras.initializers.Initializer:
    """Return an initializer with this standard deviation; zeros if it is 0."""
    return tf.keras.initializers.RandomNormal(stddev=stddev) if stddev else tf.keras.initializers.Zeros()

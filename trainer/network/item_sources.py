"""The sources of an item's vector, in addition to its id: categories and numbers, vectors, and texts."""

from __future__ import annotations

import numpy as np
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


class CodeSource(tf.keras.layers.Layer):
    """The mean vector of an item's categories, or the vector of its number's bucket.

    Args:
        codes: as in `ItemFeatures`.
        dim: width of the vectors.
        name: the layer's name.
    """

    def __init__(self, codes: Codes, dim: int, name: str) -> None:
        super().__init__(name=name, dtype=tf.float32)
        self._codes = tf.Variable(codes, trainable=False, name=name)
        self._table = CodeEmbedding(int(codes.max()) + 1, dim, name)
        self._absent = self.add_weight(name=f"{name}/absent", shape=[dim], initializer="zeros")

    def call(self, item_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of items.

        Args:
            item_ids: int [...].
            training: not used, because there is no dropout.

        Returns:
            float32 [..., dim]; the learned vector `absent` for an item without codes.
        """
        return self.embed(tf.gather(self._codes, item_ids))

    @property
    def spec(self) -> tf.TensorSpec:
        """The type and shape of the codes that `embed` takes."""
        return tf.TensorSpec([None, None], tf.int64, name=self.name)

    def embed(self, codes: tf.Tensor) -> tf.Tensor:
        """Return the vectors of codes.

        Args:
            codes: int64 [..., n], padded with 0.

        Returns:
            float32 [..., dim]; the learned vector `absent` without a code.
        """
        known = tf.math.count_nonzero(codes, axis=-1, keepdims=True, dtype=tf.float32)
        mean = tf.reduce_sum(self._table(codes), axis=-2) / tf.maximum(known, 1.0)
        return tf.where(known > 0, mean, self._absent)


class VectorSource(tf.keras.layers.Layer):
    """A learned projection of vectors that were computed elsewhere, and do not change.

    Args:
        vectors: as in `ItemFeatures`.
        dim: width of the projection.
        name: the layer's name.
    """

    def __init__(self, vectors: Vectors, dim: int, name: str) -> None:
        super().__init__(name=name, dtype=tf.float32)
        present = ~np.isnan(vectors[:, :1])
        self._present = tf.Variable(present, trainable=False, name=f"{name}/present")
        self._vectors = tf.Variable(np.where(present, vectors, 0.0), trainable=False, dtype=tf.float32, name=name)
        self._matrix = self.add_weight(name=f"{name}/matrix", shape=[vectors.shape[1], dim], initializer=normal(STDDEV))
        self._absent = self.add_weight(name=f"{name}/absent", shape=[dim], initializer="zeros")

    def call(self, item_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the projected vectors of items.

        Args:
            item_ids: int [...].
            training: not used, because there is no dropout.

        Returns:
            float32 [..., dim]; the learned vector `absent` for an item without a vector.
        """
        return self._project(tf.gather(self._vectors, item_ids), tf.gather(self._present, item_ids))

    @property
    def spec(self) -> tf.TensorSpec:
        """The type and shape of the vectors that `embed` takes."""
        return tf.TensorSpec([None, self._vectors.shape[1]], tf.float32, name=self.name)

    def embed(self, vectors: tf.Tensor) -> tf.Tensor:
        """Return projected vectors.

        Args:
            vectors: float32 [..., length], NaN if missing.

        Returns:
            float32 [..., dim]; the learned vector `absent` for a missing vector.
        """
        present = ~tf.math.is_nan(vectors[..., :1])
        return self._project(tf.where(present, vectors, 0.0), present)

    def _project(self, vectors: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        return tf.where(present, tf.tensordot(vectors, self._matrix, 1), self._absent)


class TextSource(tf.keras.layers.Layer):
    """A text encoder over the tokens of an item.

    Args:
        tokens: as in `ItemFeatures`.
        encoder: from int32 [n, texts, length] to float32 [n, dim].
        dim: width of the vectors.
    """

    def __init__(self, tokens: Tokens, encoder: tf.keras.layers.Layer, dim: int) -> None:
        super().__init__(name=TEXTS, dtype=tf.float32)
        self._tokens = tf.Variable(tokens, trainable=False, name=f"{TEXTS}/tokens")
        self._encoder = encoder
        self._absent = self.add_weight(name=f"{TEXTS}/absent", shape=[dim], initializer="zeros")

    def call(self, item_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of items.

        Args:
            item_ids: int [...].
            training: whether dropout is on.

        Returns:
            float32 [..., dim]; the learned vector `absent` for an item without a token.
        """
        vectors = self.embed(tf.gather(self._tokens, tf.reshape(item_ids, [-1])), training)
        return tf.reshape(vectors, tf.concat([tf.shape(item_ids), tf.shape(vectors)[-1:]], axis=0))

    @property
    def spec(self) -> tf.TensorSpec:
        """The type and shape of the token ids that `embed` takes."""
        return tf.TensorSpec([None, self._tokens.shape[1], None], tf.int32, name=self.name)

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

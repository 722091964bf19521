"""A sentence encoder of the BERT family in TensorFlow, with its weights read from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from trainer.data.encoder_files import WEIGHTS, loading, read_safetensors, read_settings
from trainer.network.attention import multi_head
from trainer.network.text_encoders import masked_mean

# By the name of a matrix W, two matrices whose product is added to W: [inputs, rank] and [rank, outputs].
Changes = Mapping[str, tuple[tf.Tensor, tf.Tensor]]


class Bert:
    """A BERT whose token vectors are averaged and scaled to length 1 (Reimers and Gurevych 2019, Sentence-BERT).

    Its weights do not learn. They are no part of a Keras model that uses it, so that no checkpoint holds them.

    Args:
        folder: the files of a model as the Sentence Transformers library saves them.

    Raises:
        InputError: a file is missing or damaged, or the model is not an uncased BERT with mean pooling.

    Example:
        >>> from trainer.data.encoder_files import MINILM, find_package
        >>> Bert(find_package(MINILM)).vectors(tf.constant([[101, 3185, 102, 0]])).shape  # doctest: +SKIP
        TensorShape([1, 384])
    """

    def __init__(self, folder: Path) -> None:
        self.settings = read_settings(folder)
        with loading(folder, tf.errors.OpError):
            self._weights = {
                name: tf.Variable(weight, trainable=False, name=name)
                for name, weight in read_safetensors(folder / WEIGHTS).items()
            }
            # A weight that is missing or has another shape is found here.
            self.dim = int(self.vectors(tf.ones([1, 1], tf.int32)).shape[1])

    @property
    def size(self) -> int:
        """The number of weights."""
        return sum(int(tf.size(weight)) for weight in self._weights.values())

    def vectors(self, ids: tf.Tensor, changes: Changes = {}) -> tf.Tensor:  # noqa: B006 - it never changes
        """Return the vectors of texts.

        Args:
            ids: int32 [batch, length], the word pieces of each text, padded on the right with 0.
            changes: what is added to some matrices, each under the name of a linear layer.

        Returns:
            float32 [batch, dim]; 0 for a row of padding.
        """
        mask = ids != 0
        embeddings = "embeddings.{}_embeddings.weight".format
        states = tf.gather(self._weights[embeddings("word")], ids)
        states += self._weights[embeddings("position")][: tf.shape(ids)[1]] + self._weights[embeddings("token_type")][0]
        states = self._norm("embeddings", states)
        for layer in range(self.settings.layers):
            states = self._block(layer_name(layer), states, mask, changes)
        return tf.math.l2_normalize(masked_mean(states, mask), axis=1)

    def _block(self, name: str, states: tf.Tensor, mask: tf.Tensor, changes: Changes) -> tf.Tensor:
        """Apply a layer of BERT (Vaswani et al. 2017, section 3.1, with the norm after each sum)."""
        parts = (f"{name}.attention.self.{part}" for part in ("query", "key", "value"))
        query, key, value = (self._dense(part, states, changes.get(part)) for part in parts)
        context, _ = multi_head(query, key, value, mask[:, tf.newaxis], heads=self.settings.heads)
        attended = self._dense(f"{name}.attention.output.dense", context)
        states = self._norm(f"{name}.attention.output", states + attended)
        grown = tf.nn.gelu(self._dense(f"{name}.intermediate.dense", states))
        return self._norm(f"{name}.output", states + self._dense(f"{name}.output.dense", grown))

    def _dense(self, name: str, states: tf.Tensor, change: tuple[tf.Tensor, tf.Tensor] | None = None) -> tf.Tensor:
        product = tf.tensordot(states, self._weights[f"{name}.weight"], [[2], [1]])
        if change is not None:
            down, up = change
            product += tf.tensordot(tf.tensordot(states, down, 1), up, 1)
        return product + self._weights[f"{name}.bias"]

    def _norm(self, name: str, states: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(states, axes=[-1], keepdims=True)
        scale, offset = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return (states - mean) * tf.math.rsqrt(variance + self.settings.epsilon) * scale + offset


def layer_name(layer: int) -> str:
    """Return the beginning of the names of a layer's weights.

    Args:
        layer: the layer, from 0.
    """
    return f"encoder.layer.{layer}"

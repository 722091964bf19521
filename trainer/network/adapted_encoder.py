"""A sentence encoder whose weights do not learn, with low-rank adapters that do."""

from __future__ import annotations

import tensorflow as tf

from schemas.config.text import TextConfig
from schemas.errors import InputError
from trainer.data.encoder_files import find_encoder
from trainer.network.bert import Bert, Changes, layer_name
from trainer.network.dropout import Dropout

LARGEST_PART = 0.05  # of the encoder's weights, that its adapters may have
_ALPHA = 16.0  # the same for all ranks, so that another rank needs no other learning rate (section 4.1)
_TEXTS_AT_ONCE = 64


class AdaptedEncoder(tf.keras.layers.Layer):
    """A sentence encoder with adapters, and a projection of its vectors.

    A query or value of the attention is `W x + (alpha / rank) B A x` instead of `W x`, and only A and B learn (Hu et
    al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", equation 3). B starts at 0, so that the training
    starts from the encoder's own vectors.

    Args:
        dim: width of the result.
        text: the encoder and the rank.

    Raises:
        InputError: the encoder cannot be loaded, or the adapters have more than 5% of its weights.

    Example:
        >>> text = TextConfig(columns=("title",), kind="adapted_encoder")  # doctest: +SKIP
        >>> AdaptedEncoder(64, text)(tf.constant([[[101, 3185, 102]]])).shape  # doctest: +SKIP
        TensorShape([1, 64])
    """

    def __init__(self, dim: int, text: TextConfig) -> None:
        super().__init__(name="adapted_encoder", dtype=tf.float32)
        self._bert = Bert(find_encoder(text.encoder))
        self._scale = _ALPHA / text.rank
        width, layers = self._bert.dim, range(self._bert.settings.layers)
        changed = [f"{layer_name(layer)}.attention.self.{part}" for layer in layers for part in ("query", "value")]
        _refuse_many(2 * width * len(changed), text.rank, self._bert.size)
        self._down = {name: self._add_matrix(f"{name}/down", [width, text.rank], "lecun_normal") for name in changed}
        self._up = {name: self._add_matrix(f"{name}/up", [text.rank, width], "zeros") for name in changed}
        self._dropout = Dropout(text.dropout)
        self._project = tf.keras.layers.Dense(dim, name="project", dtype=tf.float32)

    def call(self, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the vectors of texts.

        Args:
            ids: int32 [n, 1, length], word pieces, padded on the right with 0.
            training: whether dropout is on.

        Returns:
            float32 [n, dim].
        """
        changes = {name: (down, self._scale * self._up[name]) for name, down in self._down.items()}
        vectors = self._vectors(tf.squeeze(ids, axis=1), changes)
        return self._project(self._dropout(vectors, training=training))

    def _vectors(self, ids: tf.Tensor, changes: Changes) -> tf.Tensor:
        """Encode some texts at a time, in the order of their lengths, so that little memory and padding is needed."""
        count, length = tf.shape(ids)[0], tf.shape(ids)[1]
        padded = tf.pad(ids, [[0, -count % _TEXTS_AT_ONCE], [0, 0]])
        order = tf.argsort(tf.math.count_nonzero(padded, axis=1), stable=True)

        def encode(some: tf.Tensor) -> tf.Tensor:
            longest = tf.reduce_max(tf.math.count_nonzero(some, axis=1))
            return self._bert.vectors(some[:, : tf.maximum(longest, 1)], changes)

        vectors = tf.map_fn(
            encode,
            tf.reshape(tf.gather(padded, order), [-1, _TEXTS_AT_ONCE, length]),
            fn_output_signature=tf.TensorSpec([_TEXTS_AT_ONCE, self._bert.dim], tf.float32),
            parallel_iterations=1,
        )
        return tf.gather(tf.reshape(vectors, [-1, self._bert.dim]), tf.argsort(order, stable=True)[:count])

    def _add_matrix(self, name: str, shape: list[int], initializer: str) -> tf.Variable:
        return self.add_weight(name=f"adapters/{name}", shape=shape, initializer=initializer)


def _refuse_many(of_rank_1: int, rank: int, size: int) -> None:
    most = int(LARGEST_PART * size / of_rank_1)
    if rank > most:
        raise InputError(
            expected=f"adapters with at most {LARGEST_PART:.0%} of the encoder's {size:,} weights",
            received=f"{rank * of_rank_1:,} weights for model.items.text.rank: {rank}",
            remedy=f"set model.items.text.rank to at most {most}" if most else "use a larger encoder",
        )

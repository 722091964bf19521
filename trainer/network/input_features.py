"""What the network knows of an interaction beside its item: codes, each with a vector that is added to the item's."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from schemas import config
from schemas.features import GAP, HOUR, TIME_CODES, WEEKDAY
from serving.export.feature_encoding import HOURS, WEEKDAYS, FeatureEncodings
from trainer.network.dropout import dropout_mask

QUERY_TIME_DROPOUT = 0.1  # of histories in training, so that a request may come without its time


class CodeVectors(tf.keras.layers.Layer):
    """A vector for each code; that of code 0 is 0.

    Args:
        size: one more than the greatest code.
        dim: width of a vector.
    """

    def __init__(self, size: int, dim: int, name: str) -> None:
        super().__init__(name=name, dtype=tf.float32)  # a look-up: there is nothing to gain from less
        self._dim = dim
        self._vectors = self.add_weight(
            name=f"{name}/vectors",
            shape=[max(size - 1, 1), dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, codes: tf.Tensor) -> tf.Tensor:
        """int [...] -> [..., dim]; a greater code than there should be counts as the greatest."""
        last = tf.shape(self._vectors, codes.dtype)[0] - 1
        vectors = tf.gather(self._vectors, tf.clip_by_value(codes - 1, 0, last))
        return tf.where(codes[..., tf.newaxis] > 0, vectors, 0.0)


class InputFeatures(tf.keras.layers.Layer):
    """Adds the vectors of positions, times and further columns to those of the items.

    Args:
        inputs: what is read.
        encodings: of what is read.
        dim: width of the vectors.
        max_length: interactions of the longest history.
    """

    def __init__(self, inputs: config.InputsConfig, encodings: FeatureEncodings, dim: int, max_length: int) -> None:
        super().__init__(name="inputs", dtype=tf.float32)
        self._scale = dim**0.5  # as the items' vectors are
        times = {GAP: len(encodings.gap_boundaries) + 2, HOUR: HOURS + 1, WEEKDAY: WEEKDAYS + 1}
        sizes = {
            **({name: times[name] for name in TIME_CODES} if inputs.time else {}),
            **{name: encoding.id_count() for name, encoding in encodings.columns.items()},
        }
        self._position = CodeVectors(max_length + 1, dim, "position") if inputs.position else None
        self._past = {name: CodeVectors(size, dim, name) for name, size in sizes.items()}
        query = TIME_CODES if inputs.query_time else ()
        self._query = {name: CodeVectors(times[name], dim, f"query_{name}") for name in query}

    def call(self, vectors: tf.Tensor, codes: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Adds them.

        Args:
            vectors: float32 [batch, length, dim], of the items.
            codes: by name, int64 [batch, length + 1]: of the history, and,
                behind its last interaction, of what follows. Of the latter
                only the time is read.
            training: whether some histories are to forget the time of what follows.
        """
        if self._position is not None:
            vectors += self._scale * self._position(1 + tf.range(tf.shape(vectors)[1]))
        for name, table in self._past.items():
            vectors += self._scale * table(codes[name][:, :-1])
        if self._query:
            following = tf.add_n([table(codes[name][:, 1:]) for name, table in self._query.items()])
            if training:
                known = dropout_mask(tf.concat([tf.shape(vectors)[:1], [1, 1]], axis=0), QUERY_TIME_DROPOUT)
                following = tf.where(known, following, 0.0)
            vectors += self._scale * following
        return vectors

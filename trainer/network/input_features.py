"""Input features of an interaction in addition to its item: a vector for each code is added to the item's vector."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from schemas.config import InputsConfig
from schemas.features import GAP, HOUR, TIME_CODES, WEEKDAY
from serving.export.feature_encoding import HOURS, WEEKDAYS, FeatureEncodings
from trainer.network.dropout import dropout_mask

# Fraction of the histories in training whose query time is dropped, so that requests may omit the time.
QUERY_TIME_DROPOUT = 0.1


class CodeEmbedding(tf.keras.layers.Layer):
    """A learned vector for each code; the vector of code 0, which means "none", is 0.

    Args:
        size: the greatest code plus one.
        dim: width of a vector.
        name: the layer's name.
    """

    def __init__(self, size: int, dim: int, name: str) -> None:
        super().__init__(name=name, dtype=tf.float32)  # lower precision does not make a look-up faster
        self._dim = dim
        self._vectors = self.add_weight(
            name=f"{name}/vectors",
            shape=[max(size - 1, 1), dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, codes: tf.Tensor) -> tf.Tensor:
        """Return the vectors of codes.

        Args:
            codes: int [...]. A code beyond the greatest one is read as the greatest.

        Returns:
            float32 [..., dim].
        """
        last = tf.shape(self._vectors, codes.dtype)[0] - 1
        vectors = tf.gather(self._vectors, tf.clip_by_value(codes - 1, 0, last))
        return tf.where(codes[..., tf.newaxis] > 0, vectors, 0.0)


class InputFeatures(tf.keras.layers.Layer):
    """Vectors of positions, times and further columns, which are added to the items' vectors.

    Args:
        inputs: which features the model reads.
        encodings: how their values become codes.
        dim: width of the vectors.
        max_length: interactions of the longest history.
    """

    def __init__(self, inputs: InputsConfig, encodings: FeatureEncodings, dim: int, max_length: int) -> None:
        super().__init__(name="inputs", dtype=tf.float32)
        self._scale = dim**0.5  # the same as for the items' vectors
        times = {GAP: len(encodings.gap_boundaries) + 2, HOUR: HOURS + 1, WEEKDAY: WEEKDAYS + 1}
        sizes = {
            **({name: times[name] for name in TIME_CODES} if inputs.time else {}),
            **{name: encoding.id_count() for name, encoding in encodings.columns.items()},
        }
        self._position = CodeEmbedding(max_length + 1, dim, "position") if inputs.position else None
        self._columns = {name: CodeEmbedding(size, dim, name) for name, size in sizes.items()}
        query = TIME_CODES if inputs.query_time else ()
        self._query = {name: CodeEmbedding(times[name], dim, f"query_{name}") for name in query}

    def call(self, vectors: tf.Tensor, codes: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Add the features' vectors.

        Args:
            vectors: float32 [batch, length, dim], of the items.
            codes: by name, int64 [batch, length + 1], of the history's
                interactions and the one after the last. Only the time is read
                of the one after.
            training: whether to drop the query time of some histories.

        Returns:
            float32 [batch, length, dim].
        """
        if self._position is not None:
            vectors += self._scale * self._position(1 + tf.range(tf.shape(vectors)[1]))
        for name, table in self._columns.items():
            vectors += self._scale * table(codes[name][:, :-1])
        if self._query:
            following = tf.add_n([table(codes[name][:, 1:]) for name, table in self._query.items()])
            if training:
                known = dropout_mask(tf.concat([tf.shape(vectors)[:1], [1, 1]], axis=0), QUERY_TIME_DROPOUT)
                following = tf.where(known, following, 0.0)
            vectors += self._scale * following
        return vectors

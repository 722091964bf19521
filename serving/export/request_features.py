"""What a request tells beside item ids, in the terms of the model: specs, defaults and codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas.features import QUERY_TIMESTAMPS_S, TARGET_TIMESTAMP_S, TIMESTAMPS_S
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings, bucketize, time_feature_ids

RequestFeatures = Mapping[
    str, tf.Tensor
]  # by name, [batch, length] or what broadcasts to it; the query's times [batch]


class RequestFeatureEncoder(tf.Module):
    """Turns what a model reads beside item ids to codes.

    Args:
        encodings: of what it reads.
    """

    def __init__(self, encodings: FeatureEncodings) -> None:
        super().__init__()
        self._encodings = encodings
        self._gap_boundaries = tf.constant(encodings.gap_boundaries)
        self._columns = {name: _Column(encoding) for name, encoding in encodings.columns.items()}
        self.specs: dict[str, tf.TensorSpec] = {}
        self.defaults: dict[str, tf.Tensor] = {}  # what stands for a request that does not tell
        if encodings.times:
            self.specs[TIMESTAMPS_S] = tf.TensorSpec([None, None], tf.int64, name=TIMESTAMPS_S)
            self.defaults[TIMESTAMPS_S] = tf.zeros([1, 1], tf.int64)
        if encodings.query_times:
            self.specs[QUERY_TIMESTAMPS_S] = tf.TensorSpec([None], tf.int64, name=QUERY_TIMESTAMPS_S)
            self.defaults[QUERY_TIMESTAMPS_S] = tf.zeros([1], tf.int64)
        for name, column in self._columns.items():
            self.specs[name] = tf.TensorSpec([None, None], column.none.dtype, name=name)
            self.defaults[name] = tf.reshape(column.none, [1, 1])
        self.tables = [column.table for column in self._columns.values() if column.table is not None]

    def codes(
        self, context: RequestFeatures, item_ids: tf.Tensor, read: Callable[[tf.Tensor], tf.RaggedTensor]
    ) -> RequestFeatures:
        """The codes of histories, and of the moment after them, as the model wants them.

        Args:
            context: what the request tells.
            item_ids: int64 [batch, read], padded on the right with 0: what is read of the histories.
            read: takes from [batch, length] what is read.

        Returns:
            By name, int64 [batch, read + 1].
        """
        batch, width = tf.shape(item_ids)[0], tf.shape(item_ids)[1]

        def with_last(values: tf.RaggedTensor, last: tf.Tensor) -> tf.RaggedTensor:
            return tf.concat([values, tf.broadcast_to(last[:, tf.newaxis], [batch, 1])], axis=1)

        codes: dict[str, tf.RaggedTensor] = {}
        if self._encodings.times:
            # The query's time is a neighbour of the last, whether or not the model is to see it.
            query = context.get(QUERY_TIMESTAMPS_S, tf.zeros([1], tf.int64))
            codes |= time_feature_ids(with_last(read(context[TIMESTAMPS_S]), query), self._gap_boundaries)
        for name, column in self._columns.items():
            codes[name] = with_last(read(column.codes(context[name])), tf.zeros([1], tf.int64))
        return {name: _dense(values, width + 1, tf.zeros([], tf.int64)) for name, values in codes.items()}

    def features(self) -> dict[str, tf.io.RaggedFeature | tf.io.FixedLenFeature]:
        """What is to be parsed from a serialized example of `schemas.features`."""
        parsed = {
            name: tf.io.RaggedFeature(spec.dtype) for name, spec in self.specs.items() if name != QUERY_TIMESTAMPS_S
        }
        if self._encodings.query_times:
            parsed[TARGET_TIMESTAMP_S] = tf.io.FixedLenFeature([], tf.int64, 0)
        return parsed

    def parsed(self, features: Mapping[str, tf.Tensor | tf.RaggedTensor], items: tf.Tensor) -> RequestFeatures:
        """What the examples tell.

        Args:
            features: as `features` has them parsed.
            items: string [batch, length].
        """
        width = tf.shape(items)[1]
        context = {
            name: _dense(features[name], width, tf.reshape(self.defaults[name], []))
            for name in self.specs
            if name != QUERY_TIMESTAMPS_S
        }
        if self._encodings.query_times:
            context[QUERY_TIMESTAMPS_S] = features[TARGET_TIMESTAMP_S]
        return context


def _dense(values: tf.RaggedTensor, width: tf.Tensor, none: tf.Tensor) -> tf.Tensor:
    """[batch, width], filled up on the right."""
    dense = values.to_tensor(none)[:, :width]
    return tf.pad(dense, [[0, 0], [0, width - tf.shape(dense)[1]]], constant_values=none)


class _Column(tf.Module):
    def __init__(self, encoding: FeatureEncoding) -> None:
        super().__init__()
        self.table = None
        self.none = tf.constant(float("nan"))
        self._boundaries = tf.constant(encoding.boundaries)
        if encoding.vocabulary_file:
            line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
            self.none = tf.constant("")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(encoding.vocabulary_file, tf.string, line, tf.int64, number),
                encoding.size() - 2,
            )

    def codes(self, values: tf.Tensor) -> tf.Tensor:
        if self.table is None:
            return bucketize(values, self._boundaries)
        return tf.where(values == self.none, tf.zeros([], tf.int64), 1 + self.table.lookup(values))

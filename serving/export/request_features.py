"""The inputs of a request in addition to item ids: their specs, defaults and feature ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from schemas.features import QUERY_TIMESTAMPS_S, TARGET_TIMESTAMP_S, TIMESTAMPS_S
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings, bucketize, time_feature_ids
from serving.export.lifetimes import query_times

# By name, [batch, length] or a shape that broadcasts to it; the times of the queries [batch].
RequestFeatures = Mapping[str, tf.Tensor]


class RequestFeatureEncoder(tf.Module):
    """The encoder of what a model reads in addition to item ids.

    Args:
        encodings: the inputs of the model and their encodings.
        reads_now: whether the answers depend on the time of the query, because items age or expire.

    Attributes:
        specs: the inputs of the signatures by name.
        defaults: the values that replace a missing input, by name.
        tables: the vocabularies.
    """

    def __init__(self, encodings: FeatureEncodings, reads_now: bool = False) -> None:
        super().__init__()
        self._encodings = encodings
        self._reads_now = reads_now
        self._asks_time = encodings.query_times or reads_now
        self._gap_boundaries = tf.constant(encodings.gap_boundaries)
        self._columns = {name: _Column(encoding) for name, encoding in encodings.columns.items()}
        self.specs: dict[str, tf.TensorSpec] = {}
        self.defaults: dict[str, tf.Tensor] = {}
        if encodings.times:
            self.specs[TIMESTAMPS_S] = tf.TensorSpec([None, None], tf.int64, name=TIMESTAMPS_S)
            self.defaults[TIMESTAMPS_S] = tf.zeros([1, 1], tf.int64)
        if self._asks_time:
            self.specs[QUERY_TIMESTAMPS_S] = tf.TensorSpec([None], tf.int64, name=QUERY_TIMESTAMPS_S)
            self.defaults[QUERY_TIMESTAMPS_S] = tf.zeros([1], tf.int64)
        for name, column in self._columns.items():
            self.specs[name] = tf.TensorSpec([None, None], column.missing.dtype, name=name)
            self.defaults[name] = tf.reshape(column.missing, [1, 1])
        self.tables = [column.table for column in self._columns.values() if column.table is not None]

    def feature_ids(
        self, context: RequestFeatures, item_ids: tf.Tensor, read: Callable[[tf.Tensor], tf.RaggedTensor]
    ) -> RequestFeatures:
        """Return the feature ids of histories, and of the query after each history.

        Args:
            context: the inputs of the request.
            item_ids: int64 [batch, read], padded on the right with 0: the part of the histories that the model reads.
            read: selects this part from a tensor [batch, length].

        Returns:
            int64 [batch, read + 1] by name; the times of the queries, int64 [batch], where items age or expire.
        """
        batch, width = tf.shape(item_ids)[0], tf.shape(item_ids)[1]

        def with_last(values: tf.RaggedTensor, last: tf.Tensor) -> tf.RaggedTensor:
            return tf.concat([values, tf.broadcast_to(last[:, tf.newaxis], [batch, 1])], axis=1)

        ids: dict[str, tf.RaggedTensor] = {}
        if self._encodings.times:
            # The query comes after the last interaction. The model may read its time or not.
            query = context.get(QUERY_TIMESTAMPS_S, tf.zeros([1], tf.int64))
            ids |= time_feature_ids(with_last(read(context[TIMESTAMPS_S]), query), self._gap_boundaries)
        for name, column in self._columns.items():
            ids[name] = with_last(read(column.feature_ids(context[name])), tf.zeros([1], tf.int64))
        dense = {name: _dense(values, width + 1, tf.zeros([], tf.int64)) for name, values in ids.items()}
        now = {QUERY_TIMESTAMPS_S: query_times(context[QUERY_TIMESTAMPS_S], batch)} if self._reads_now else {}
        return {**dense, **now}

    def features(self) -> dict[str, tf.io.RaggedFeature | tf.io.FixedLenFeature]:
        """Return the specs that parse these inputs from a serialized example; see `schemas.features`."""
        parsed = {
            name: tf.io.RaggedFeature(spec.dtype) for name, spec in self.specs.items() if name != QUERY_TIMESTAMPS_S
        }
        if self._asks_time:
            parsed[TARGET_TIMESTAMP_S] = tf.io.FixedLenFeature([], tf.int64, 0)
        return parsed

    def parsed(self, features: Mapping[str, tf.Tensor | tf.RaggedTensor], items: tf.Tensor) -> RequestFeatures:
        """Return the inputs of examples as those of a request.

        Args:
            features: the features that `features` parses.
            items: string [batch, length].

        Returns:
            The inputs by name.
        """
        width = tf.shape(items)[1]
        context = {
            name: _dense(features[name], width, tf.reshape(self.defaults[name], []))
            for name in self.specs
            if name != QUERY_TIMESTAMPS_S
        }
        if self._asks_time:
            context[QUERY_TIMESTAMPS_S] = features[TARGET_TIMESTAMP_S]
        return context


def _dense(values: tf.RaggedTensor, width: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """Return [batch, width], padded on the right."""
    dense = values.to_tensor(missing)[:, :width]
    return tf.pad(dense, [[0, 0], [0, width - tf.shape(dense)[1]]], constant_values=missing)


class _Column(tf.Module):
    def __init__(self, encoding: FeatureEncoding) -> None:
        super().__init__()
        self.table = None
        self.missing = tf.constant(float("nan"))
        self._boundaries = tf.constant(encoding.boundaries)
        if encoding.vocabulary_file:
            line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
            self.missing = tf.constant("")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(encoding.vocabulary_file, tf.string, line, tf.int64, number),
                encoding.id_count() - 2,  # the line number of an unknown category
            )

    def feature_ids(self, values: tf.Tensor) -> tf.Tensor:
        if self.table is None:
            return bucketize(values, self._boundaries)
        return tf.where(values == self.missing, tf.zeros([], tf.int64), 1 + self.table.lookup(values))

"""Raw examples in batches: the files, and what is in them as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.log import Feature
from schemas.features import (
    EXCLUDE_IDS,
    ITEM_IDS,
    TARGET_ID,
    TARGET_IDS,
    TARGET_TIMESTAMP_S,
    TIMESTAMPS_S,
    USER_ID,
    target_key,
)
from schemas.file_patterns import escape_folder

EXAMPLES_PER_BATCH = 512

Batch = list[bytes]  # serialized examples

_TYPES = {"category": tf.string, "number": tf.float32}


class ExampleColumns(NamedTuple):
    """The examples of a batch, each one's history and then its target as one sequence, all sequences on end."""

    user_ids: npt.NDArray[np.object_]  # bytes [examples]
    starts: npt.NDArray[np.int64]  # [examples + 1], where each sequence begins, and the last one ends
    item_ids: npt.NDArray[np.object_]  # bytes [interactions]
    timestamps_s: npt.NDArray[np.int64]  # [interactions]
    further: tuple[npt.NDArray[Any], ...]  # for each feature, bytes or float32 [interactions]
    other_ids: npt.NDArray[np.object_]  # bytes [n], of all examples


class ReadBatches(beam.PTransform):
    """From a pattern of TFRecord.gz files to their examples, in batches."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = pattern

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        """To `Batch` elements."""
        return (
            start
            | "Pattern" >> beam.Create([self._pattern])
            | "FindFiles" >> beam.FlatMap(list_files)
            | "DealFiles" >> beam.Reshuffle()
            | "ReadFile" >> beam.FlatMap(lambda file: read_example_batches([file]))
        )


def split_pattern(examples: str, split: str) -> str:
    """The pattern of a split's files, given the folder that holds the splits."""
    return f"{examples}/Split-{split}/*"


def list_files(pattern: str) -> list[str]:
    """In order."""
    return sorted(tf.io.gfile.glob(escape_folder(pattern)))


def read_example_batches(files: Sequence[str]) -> Iterator[Batch]:
    """The examples of TFRecord.gz files, in order."""
    for batch in _records(files).batch(EXAMPLES_PER_BATCH).as_numpy_iterator():
        yield batch.tolist()


def read_examples(folder: str) -> Iterator[bytes]:
    """The examples of a split's folder one by one, always in the same order."""
    yield from _records(list_files(f"{folder}/*")).as_numpy_iterator()


def _records(files: Sequence[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def parse_examples(batch: Batch, features: Sequence[Feature] = ()) -> ExampleColumns:
    """The batch's examples as columns, with those of these further features."""
    ragged = {ITEM_IDS: tf.string, TIMESTAMPS_S: tf.int64, EXCLUDE_IDS: tf.string, TARGET_IDS: tf.string}
    scalar = {USER_ID: tf.string, TARGET_ID: tf.string, TARGET_TIMESTAMP_S: tf.int64}
    for feature in features:
        ragged[feature.name] = scalar[target_key(feature.name)] = _TYPES[feature.kind]
    parsed = tf.io.parse_example(
        batch,
        {name: tf.io.RaggedFeature(kind, row_splits_dtype=tf.int64) for name, kind in ragged.items()}
        | {name: tf.io.FixedLenFeature([], kind) for name, kind in scalar.items()},
    )
    splits = parsed[ITEM_IDS].row_splits.numpy()

    def with_target(name: str, target: str) -> npt.NDArray[Any]:
        return np.insert(parsed[name].flat_values.numpy(), splits[1:], parsed[target].numpy())

    return ExampleColumns(
        user_ids=parsed[USER_ID].numpy(),
        starts=splits + np.arange(len(splits)),
        item_ids=with_target(ITEM_IDS, TARGET_ID),
        timestamps_s=with_target(TIMESTAMPS_S, TARGET_TIMESTAMP_S),
        further=tuple(with_target(feature.name, target_key(feature.name)) for feature in features),
        other_ids=np.concatenate([parsed[name].flat_values.numpy() for name in (EXCLUDE_IDS, TARGET_IDS)]),
    )

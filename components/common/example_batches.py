"""Examples of the ingestion in batches: their files, and their features as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

EXAMPLES_PER_BATCH = 2048

Batch = list[bytes]  # serialized examples

_TYPES = {"category": tf.string, "number": tf.float32}


class ExampleColumns(NamedTuple):
    """The examples of a batch as sequences, each a history and then its target, in flat arrays."""

    user_ids: npt.NDArray[np.object_]  # bytes [examples]
    starts: npt.NDArray[np.int64]  # [examples + 1], the start of each sequence, and the end of the last
    ids: npt.NDArray[np.object_]  # bytes [n], each item of the sequences; bytes are slow, so there are few of them
    items: npt.NDArray[np.int32]  # [interactions], positions in `ids`
    timestamps_s: npt.NDArray[np.int64]  # [interactions]
    further: tuple[npt.NDArray[Any], ...]  # for each feature, bytes or float32 [interactions]
    other_ids: npt.NDArray[np.object_]  # bytes [n], each excluded item and target of all examples


class FindFiles(beam.PTransform):
    """Source of the names of the splits' files, spread over the workers.

    Args:
        examples: the folder of all examples.
        splits: the names of the splits.
    """

    def __init__(self, examples: str, splits: Iterable[str]) -> None:
        super().__init__()
        self._patterns = [(split, split_pattern(examples, split)) for split in splits]

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection:
        """Return pairs of a split and a file."""
        return (
            start
            | "Patterns" >> beam.Create(self._patterns)
            | "ListFiles" >> beam.FlatMapTuple(lambda split, pattern: [(split, file) for file in list_files(pattern)])
            | "SpreadFiles" >> beam.Reshuffle()
        )


def split_pattern(examples: str, split: str) -> str:
    """Return the pattern of a split's files below the folder of all examples."""
    return f"{examples}/Split-{split}/*"


def list_files(pattern: str) -> list[str]:
    """Return the files of a folder that match, in the order of their names; see `escape_folder`."""
    return sorted(tf.io.gfile.glob(escape_folder(pattern)))


def read_example_batches(files: Sequence[str]) -> Iterator[Batch]:
    """Yield the examples of TFRecord.gz files in batches, in order."""
    for batch in _records(files).batch(EXAMPLES_PER_BATCH).as_numpy_iterator():
        yield batch.tolist()


def read_examples(folder: str) -> Iterator[bytes]:
    """Yield the examples of a split's folder one by one, always in the same order."""
    yield from _records(list_files(f"{folder}/*")).as_numpy_iterator()


def _records(files: Sequence[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def parse_examples(batch: Batch, features: Sequence[Feature] = ()) -> ExampleColumns:
    """Parse a batch of examples into columns.

    Args:
        batch: serialized examples.
        features: the further features to parse.

    Returns:
        The columns, with the features in the given order.
    """
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
    ids, codes = tf.unique(tf.concat([parsed[ITEM_IDS].flat_values, parsed[TARGET_ID]], axis=0))
    in_histories, in_targets = np.split(codes.numpy(), splits[-1:])
    others = tf.unique(tf.concat([parsed[name].flat_values for name in (EXCLUDE_IDS, TARGET_IDS)], axis=0)).y

    def with_target(name: str, target: str) -> npt.NDArray[Any]:
        return np.insert(parsed[name].flat_values.numpy(), splits[1:], parsed[target].numpy())

    return ExampleColumns(
        user_ids=parsed[USER_ID].numpy(),
        starts=splits + np.arange(len(splits)),
        ids=ids.numpy(),
        items=np.insert(in_histories, splits[1:], in_targets),
        timestamps_s=with_target(TIMESTAMPS_S, TARGET_TIMESTAMP_S),
        further=tuple(with_target(feature.name, target_key(feature.name)) for feature in features),
        other_ids=others.numpy(),
    )


def join_sequences(parts: Sequence[ExampleColumns]) -> ExampleColumns:
    """Return the sequences of one or more batches as those of one, without further columns and other ids.

    Args:
        parts: the columns of the batches.

    Returns:
        The columns; an item of several batches is in `ids` as often.
    """
    firsts = np.cumsum([0, *(len(part.ids) for part in parts[:-1])], dtype=np.int32)
    lengths = np.concatenate([np.diff(part.starts) for part in parts])
    return ExampleColumns(
        user_ids=np.concatenate([part.user_ids for part in parts]),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        ids=np.concatenate([part.ids for part in parts]),
        items=np.concatenate([first + part.items for first, part in zip(firsts, parts, strict=True)]),
        timestamps_s=np.concatenate([part.timestamps_s for part in parts]),
        further=(),
        other_ids=np.zeros(0, np.object_),
    )

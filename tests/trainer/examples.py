"""Transformed examples in files, for the tests of this folder."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID, codes_key
from trainer.data.transformed_examples import Features, read_examples

Example = tuple[Sequence[int], int, Sequence[int]]  # history, target, further seen items


def write_examples(
    path: Path, examples: Iterable[Example], codes: Mapping[str, Sequence[Sequence[int]]] | None = None
) -> str:
    """Write a TFRecord.gz file with transformed features, and return its path.

    Args:
        path: the file to write.
        examples: the examples.
        codes: by column, for each example the codes of its history and target.
    """
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row, (item_ids, target_id, exclude_ids) in enumerate(examples):
            features = {
                ITEM_IDS: _ids(item_ids),
                TARGET_ID: _ids([target_id]),
                EXCLUDE_IDS: _ids(exclude_ids),
                **{codes_key(name): _ids(rows[row]) for name, rows in (codes or {}).items()},
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return str(path)


def read(*files: str, columns: Sequence[str] = ()) -> tf.data.Dataset:
    """Return the examples of files of `write_examples`.

    Args:
        files: the files.
        columns: the columns with codes.
    """
    ragged = [ITEM_IDS, EXCLUDE_IDS, *map(codes_key, columns)]
    spec = {TARGET_ID: tf.io.FixedLenFeature([], tf.int64), **{key: tf.io.RaggedFeature(tf.int64) for key in ragged}}

    def parse(records: tf.Tensor) -> Features:
        return dict(tf.io.parse_example(records, spec))

    return read_examples(files, parse)


def planted(count: int, items: int, length: int) -> list[list[int]]:
    """Return sequences in which 21 i + 7 follows i, modulo the number of items and counted from 1.

    With 40 items, every item appears before the first one is repeated.
    """
    sequences = []
    for user in range(count):
        sequence = [1 + user % items]
        while len(sequence) < length - user % 3:
            sequence.append(1 + (21 * (sequence[-1] - 1) + 7) % items)
        sequences.append(sequence)
    return sequences


def _ids(ids: Sequence[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=ids))

"""Batches of padded histories, read from transformed TFRecord files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from schemas.errors import InputError
from schemas.features import EXCLUDE_IDS, ITEM_IDS, PADDING_ID, TARGET_ID, codes_key, ragged_key
from schemas.file_patterns import escape_folder

NEXT_IDS = "next_ids"  # a key of training batches: the next item at every position

_FEATURES: dict[str, Any] = {
    ITEM_IDS: tf.io.RaggedFeature(tf.int64, value_key=ragged_key(ITEM_IDS)),
    EXCLUDE_IDS: tf.io.RaggedFeature(tf.int64, value_key=ragged_key(EXCLUDE_IDS)),
    TARGET_ID: tf.io.FixedLenFeature([], tf.int64),
}
_SHUFFLE_BUFFER = 100_000  # examples


def train_batches(
    files: Sequence[str], item_count: int, max_length: int, batch_size: int, seed: int, columns: Sequence[str] = ()
) -> tf.data.Dataset:
    """Return batches of training windows, in a new order in each epoch.

    A window is an example's history and target as one sequence, without unknown
    items. Its inputs are all items except the last, its targets all except the
    first. Windows of similar length share a batch, so that there is little
    padding. Batches of short windows have more rows, so that every step has
    about the same number of targets.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        max_length: the number of inputs of the longest window.
        batch_size: the number of windows of that length in a batch; the last batches of an epoch may be smaller.
        seed: the seed of the order.
        columns: the further columns and times whose codes to include.

    Returns:
        A dataset of `{item_ids, next_ids}`, int64 [batch, length], and the codes of each column under its
        `codes_key`, int64 [batch, length + 1], for the inputs and the last target. Padded on the right with 0.

    Raises:
        InputError: no file matches.
    """
    buckets = bucket_lengths(max_length)
    return (
        read_windows(files, item_count, columns)
        .cache()
        .shuffle(_SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True)
        .bucket_by_sequence_length(
            lambda window: tf.size(window[ITEM_IDS]),
            bucket_boundaries=[longest + 1 for longest in buckets[:-1]],  # exclusive
            bucket_batch_sizes=bucket_batch_sizes(max_length, batch_size),
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def eval_batches(
    files: Sequence[str], item_count: int, batch_size: int, columns: Sequence[str] = ()
) -> tf.data.Dataset:
    """Return batches of histories and their targets, in the order of the files.

    Unknown items of a history are left out; the history may then be empty. An
    unknown target is kept, with an id greater than `item_count`. It counts as a miss.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        batch_size: the number of histories in a batch.
        columns: the further columns and times whose codes to include.

    Returns:
        A dataset of `{item_ids [batch, length], exclude_ids [batch, n], target_id [batch]}`, int64, and the
        columns' codes as in `train_batches`. Padded on the right with 0.

    Raises:
        InputError: no file matches.
    """

    def history(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        known = _known(example[ITEM_IDS], item_count)
        with_target = tf.concat([known, [True]], axis=0)
        return {
            ITEM_IDS: example[ITEM_IDS][known],
            EXCLUDE_IDS: example[EXCLUDE_IDS][_known(example[EXCLUDE_IDS], item_count)],
            TARGET_ID: example[TARGET_ID],
            **{codes_key(name): example[codes_key(name)][with_target] for name in columns},
        }

    return _examples(files, columns).map(history).cache().padded_batch(batch_size).prefetch(tf.data.AUTOTUNE)


def read_windows(files: Sequence[str], item_count: int, columns: Sequence[str]) -> tf.data.Dataset:
    """Return the training windows one by one, in the order of the files.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        columns: the further columns and times whose codes to include.

    Returns:
        A dataset of `{item_ids [length], next_ids [length]}`, int64, and the columns' codes [length + 1].
        Windows without inputs are left out.

    Raises:
        InputError: no file matches.
    """

    def window(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        sequence = tf.concat([example[ITEM_IDS], [example[TARGET_ID]]], axis=0)
        known = _known(sequence, item_count)
        sequence = sequence[known]
        return {
            ITEM_IDS: sequence[:-1],
            NEXT_IDS: sequence[1:],
            **{codes_key(name): example[codes_key(name)][known] for name in columns},
        }

    return _examples(files, columns).map(window).filter(lambda window: tf.size(window[ITEM_IDS]) > 0)


def first_record(files: Sequence[str]) -> bytes:
    """Return the first serialized example.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.

    Returns:
        A serialized `tf.train.Example`.

    Raises:
        InputError: no file matches, or there is no example.
    """
    for record in _records(files).as_numpy_iterator():
        return bytes(record)
    raise InputError(
        expected="at least one transformed example",
        received=f"none in {', '.join(files)}",
        remedy="check that the split has examples",
    )


def bucket_lengths(max_length: int) -> list[int]:
    """Return the length of the longest window of each bucket, ascending."""
    return sorted({-(-max_length * quarter // 4) for quarter in (1, 2, 3, 4)})


def bucket_batch_sizes(max_length: int, batch_size: int) -> list[int]:
    """Return the number of windows in a batch of each bucket.

    Args:
        max_length: the number of inputs of the longest window.
        batch_size: the number of windows of that length in a batch.

    Returns:
        As many numbers as `bucket_lengths`.
    """
    return [batch_size * max_length // longest for longest in bucket_lengths(max_length)]


def _examples(files: Sequence[str], columns: Sequence[str]) -> tf.data.Dataset:
    records = _records(files)
    codes = {codes_key(name): tf.io.RaggedFeature(tf.int64, value_key=ragged_key(codes_key(name))) for name in columns}
    return records.map(lambda record: tf.io.parse_single_example(record, {**_FEATURES, **codes}))


def _records(files: Sequence[str]) -> tf.data.Dataset:
    names = sorted(tf.io.gfile.glob([escape_folder(pattern) for pattern in files]))
    if not names:
        raise InputError(
            expected="TFRecord files of transformed examples",
            received=f"no file at {', '.join(files) or 'an empty list of paths'}",
            remedy="check that the split has examples and that the paths are right",
        )
    return tf.data.TFRecordDataset(names, compression_type="GZIP")


def _known(ids: tf.Tensor, item_count: int) -> tf.Tensor:
    """Return which ids are items of the vocabulary, bool [n]."""
    return (ids != PADDING_ID) & (ids <= item_count)

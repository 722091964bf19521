"""From transformed TFRecords to batches of padded histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import InputError
from schemas.features import EXCLUDE_IDS, ITEM_IDS, PADDING_ID, TARGET_ID, codes_key, ragged_key
from schemas.file_patterns import escape_folder

NEXT_IDS = "next_ids"  # of a training batch: the next item at every position

_FEATURES: dict[str, Any] = {
    ITEM_IDS: tf.io.RaggedFeature(tf.int64, value_key=ragged_key(ITEM_IDS)),
    EXCLUDE_IDS: tf.io.RaggedFeature(tf.int64, value_key=ragged_key(EXCLUDE_IDS)),
    TARGET_ID: tf.io.FixedLenFeature([], tf.int64),
}
_SHUFFLE_BUFFER = 100_000  # examples


class TrainingSetStats(NamedTuple):
    """What an epoch of training holds."""

    steps: int  # batches
    target_shares: npt.NDArray[np.float32]  # [item_count], which share of the targets each item is: its popularity
    sequences: list[npt.NDArray[np.int64]]  # the windows with their last targets
    item_codes: dict[str, npt.NDArray[np.int64]]  # by column, [1 + item_count]: its last code beside each item


def scan_training_set(
    files: Sequence[str], item_count: int, max_length: int, batch_size: int, item_columns: Sequence[str] = ()
) -> TrainingSetStats:
    """Reads the training examples once, to know their number and their targets.

    Args:
        files: as of `train_batches`, like those that follow.
        item_count: items of the vocabulary.
        max_length: inputs of the longest window.
        batch_size: windows of that length a batch.
        item_columns: further columns that are the same wherever the item comes.

    Raises:
        InputError: there is no such file.

    Returns:
        The survey; without steps where no example has a known item before a
        known target.
    """
    counts, sequences = np.zeros(1 + item_count, np.int64), []
    windows = np.zeros(len(_buckets(max_length)), np.int64)
    item_codes = {name: np.zeros(1 + item_count, np.int64) for name in item_columns}
    for window in _windows(files, item_count, item_columns).as_numpy_iterator():
        items = np.append(window[ITEM_IDS], window[NEXT_IDS][-1])
        for name, codes in item_codes.items():
            codes[items] = window[codes_key(name)]
        counts += np.bincount(window[NEXT_IDS], minlength=1 + item_count)
        windows[np.searchsorted(_buckets(max_length), len(window[NEXT_IDS]))] += 1
        sequences.append(items)
    sizes = [batch_size * max_length // longest for longest in _buckets(max_length)]
    targets = counts[1:].sum()
    shares = (counts[1:] / max(targets, 1)).astype(np.float32)
    return TrainingSetStats(int(np.ceil(windows / sizes).sum()), shares, sequences, item_codes)


def train_batches(
    files: Sequence[str], item_count: int, max_length: int, batch_size: int, seed: int, columns: Sequence[str] = ()
) -> tf.data.Dataset:
    """Batches of windows, in an order that is new in each epoch and the same for the same seed.

    A window is an example's history and target as one sequence, without
    unknown items; its inputs are all but the last item, its targets all but
    the first. Windows of similar length go together, so that little is
    padding, and short ones in larger numbers, so that a step sees about as
    many targets whatever the length.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.
        item_count: items of the vocabulary; greater ids are unknown items.
        max_length: inputs of the longest window.
        batch_size: windows of that length a batch; the last ones of an epoch may be smaller.
        seed: of the order.
        columns: further columns and times whose codes are wanted.

    Returns:
        A dataset of `{item_ids, next_ids}`, int64 [batch, length], and for
        each of the columns, by its `codes_key`, those of the inputs and of the
        last target, int64 [batch, length + 1]; all padded on the right with 0.

    Raises:
        InputError: there is no such file.
    """
    buckets = _buckets(max_length)
    return (
        _windows(files, item_count, columns)
        .cache()
        .shuffle(_SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True)
        .bucket_by_sequence_length(
            lambda window: tf.size(window[ITEM_IDS]),
            bucket_boundaries=[longest + 1 for longest in buckets[:-1]],  # exclusive
            bucket_batch_sizes=[batch_size * max_length // longest for longest in buckets],
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def eval_batches(
    files: Sequence[str], item_count: int, batch_size: int, columns: Sequence[str] = ()
) -> tf.data.Dataset:
    """Batches of histories to recommend from, in the order of the files.

    Unknown items are left out of histories, which may leave them empty. An
    unknown target stays, as an id greater than `item_count`: it counts, and
    nobody finds it.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.
        item_count: items of the vocabulary; greater ids are unknown items.
        batch_size: histories a batch.
        columns: further columns and times whose codes are wanted.

    Returns:
        A dataset of `{item_ids [batch, length], exclude_ids [batch, n],
        target_id [batch]}`, int64, and of the columns' codes as of
        `train_batches`; all padded on the right with 0.

    Raises:
        InputError: there is no such file.
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


def first_record(files: Sequence[str]) -> bytes:
    """A serialized example of the files, or of the patterns of them.

    Raises:
        InputError: there is none.
    """
    for record in _records(files).as_numpy_iterator():
        return bytes(record)
    raise InputError(
        expected="a transformed example", received=f"none in {', '.join(files)}", remedy="check that the split has any"
    )


def _windows(files: Sequence[str], item_count: int, columns: Sequence[str]) -> tf.data.Dataset:
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


def _buckets(max_length: int) -> list[int]:
    """The length of the longest window of each bucket, ascending."""
    return sorted({-(-max_length * quarter // 4) for quarter in (1, 2, 3, 4)})


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
    """Bool [n]."""
    return (ids != PADDING_ID) & (ids <= item_count)

"""From transformed TFRecords to batches of padded histories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import InputError
from schemas.features import EXCLUDE_IDS, ITEM_IDS, PADDING_ID, TARGET_ID, ragged_key

TARGET_IDS = "target_ids"  # of a training batch: the next item at every position

_FEATURES = {
    ITEM_IDS: tf.io.RaggedFeature(tf.int64, value_key=ragged_key(ITEM_IDS)),
    EXCLUDE_IDS: tf.io.RaggedFeature(tf.int64, value_key=ragged_key(EXCLUDE_IDS)),
    TARGET_ID: tf.io.FixedLenFeature([], tf.int64),
}
_SHUFFLE_BUFFER = 100_000  # examples


def train_batches(
    files: Sequence[str], item_count: int, max_length: int, batch_size: int, seed: int
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

    Returns:
        A dataset of `{item_ids, target_ids}`, int64 [batch, length], padded on
        the right with 0.

    Raises:
        InputError: there is no such file.
    """

    def window(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        sequence = _known(tf.concat([example[ITEM_IDS], [example[TARGET_ID]]], axis=0), item_count)
        return {ITEM_IDS: sequence[:-1], TARGET_IDS: sequence[1:]}

    def length(window: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.size(window[ITEM_IDS])

    quarters = sorted({-(-max_length * quarter // 4) for quarter in (1, 2, 3, 4)})  # the longest window of each bucket
    return (
        _examples(files)
        .map(window)
        .filter(lambda window: length(window) > 0)
        .cache()
        .shuffle(_SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=True)
        .bucket_by_sequence_length(
            length,
            bucket_boundaries=[longest + 1 for longest in quarters[:-1]],  # exclusive
            bucket_batch_sizes=[batch_size * max_length // longest for longest in quarters],
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def eval_batches(files: Sequence[str], item_count: int, batch_size: int) -> tf.data.Dataset:
    """Batches of histories to recommend from, in the order of the files.

    Unknown items are left out of histories, which may leave them empty. An
    unknown target stays, as an id greater than `item_count`: it counts, and
    nobody finds it.

    Args:
        files: TFRecord.gz files of transformed examples, or patterns of them.
        item_count: items of the vocabulary; greater ids are unknown items.
        batch_size: histories a batch.

    Returns:
        A dataset of `{item_ids [batch, length], exclude_ids [batch, n],
        target_id [batch]}`, int64, padded on the right with 0.

    Raises:
        InputError: there is no such file.
    """

    def history(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {
            ITEM_IDS: _known(example[ITEM_IDS], item_count),
            EXCLUDE_IDS: _known(example[EXCLUDE_IDS], item_count),
            TARGET_ID: example[TARGET_ID],
        }

    return _examples(files).map(history).cache().padded_batch(batch_size).prefetch(tf.data.AUTOTUNE)


def target_shares(batches: tf.data.Dataset, item_count: int) -> npt.NDArray[np.float32]:
    """Which share of the targets of an epoch each item is, [item_count]: its popularity.

    Args:
        batches: what `train_batches` gives.
        item_count: items of the vocabulary.
    """
    counts = np.zeros(1 + item_count, np.int64)
    for batch in batches.as_numpy_iterator():
        counts += np.bincount(batch[TARGET_IDS].ravel(), minlength=1 + item_count)
    return (counts[1:] / counts[1:].sum()).astype(np.float32)


def _examples(files: Sequence[str]) -> tf.data.Dataset:
    names = sorted(tf.io.gfile.glob(list(files)))
    if not names:
        raise InputError(
            expected="TFRecord files of transformed examples",
            received=f"no file at {', '.join(files) or 'an empty list of paths'}",
            remedy="check that the split has examples and that the paths are right",
        )
    records = tf.data.TFRecordDataset(names, compression_type="GZIP")
    return records.map(lambda record: tf.io.parse_single_example(record, _FEATURES))


def _known(ids: tf.Tensor, item_count: int) -> tf.Tensor:
    return tf.boolean_mask(ids, (ids != PADDING_ID) & (ids <= item_count))

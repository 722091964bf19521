"""Batches of padded histories, from transformed examples."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from schemas.features import (
    EXCLUDE_IDS,
    ITEM_IDS,
    PADDING_ID,
    QUERY_TIMESTAMPS_S,
    TARGET_ID,
    TARGET_TIMESTAMP_S,
    codes_key,
)

NEXT_IDS = "next_ids"  # a key of training batches: the next item at every position

_SHUFFLE_BUFFER = 100_000  # examples


def train_batches(
    examples: tf.data.Dataset, item_count: int, max_length: int, batch_size: int, seed: int, columns: Sequence[str] = ()
) -> tf.data.Dataset:
    """Return batches of training windows, in a new order in each epoch.

    A window is an example's history and target as one sequence, without unknown
    items. Its inputs are all items except the last, its targets all except the
    first. Windows of similar length share a batch, so that there is little
    padding. Batches of short windows have more rows, so that every step has
    about the same number of targets.

    Args:
        examples: transformed examples, from `read_examples`.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        max_length: the number of inputs of the longest window.
        batch_size: the number of windows of that length in a batch; the last batches of an epoch may be smaller.
        seed: the seed of the order.
        columns: the further columns and times whose codes to include.

    Returns:
        A dataset of `{item_ids, next_ids}`, int64 [batch, length], and the codes of each column under its
        `codes_key`, int64 [batch, length + 1], for the inputs and the last target. Padded on the right with 0.
    """
    buckets = bucket_lengths(max_length)
    return (
        read_windows(examples, item_count, columns)
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
    examples: tf.data.Dataset,
    item_count: int,
    batch_size: int,
    columns: Sequence[str] = (),
    *,
    query_times: bool = False,
) -> tf.data.Dataset:
    """Return batches of histories and their targets, in the order of the examples.

    Unknown items of a history are left out; the history may then be empty. An
    unknown target is kept, with an id greater than `item_count`. It counts as a miss.

    Args:
        examples: transformed examples, from `read_examples`.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        batch_size: the number of histories in a batch.
        columns: the further columns and times whose codes to include.
        query_times: whether to include the times of the targets.

    Returns:
        A dataset of `{item_ids [batch, length], exclude_ids [batch, n], target_id [batch]}`, int64, and the
        columns' codes as in `train_batches`. Padded on the right with 0. The times of the targets are
        `query_timestamps_s` int64 [batch], seconds since 1970.
    """

    def history(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        known = _known(example[ITEM_IDS], item_count)
        with_target = tf.concat([known, [True]], axis=0)
        return {
            ITEM_IDS: example[ITEM_IDS][known],
            EXCLUDE_IDS: example[EXCLUDE_IDS][_known(example[EXCLUDE_IDS], item_count)],
            TARGET_ID: example[TARGET_ID],
            **{codes_key(name): example[codes_key(name)][with_target] for name in columns},
            **({QUERY_TIMESTAMPS_S: example[TARGET_TIMESTAMP_S]} if query_times else {}),
        }

    return examples.map(history).cache().padded_batch(batch_size).prefetch(tf.data.AUTOTUNE)


def read_windows(examples: tf.data.Dataset, item_count: int, columns: Sequence[str]) -> tf.data.Dataset:
    """Return the training windows one by one, in the order of the examples.

    Args:
        examples: transformed examples, from `read_examples`.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        columns: the further columns and times whose codes to include.

    Returns:
        A dataset of `{item_ids [length], next_ids [length]}`, int64, and the columns' codes [length + 1].
        Windows without inputs are left out.
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

    return examples.map(window).filter(lambda window: tf.size(window[ITEM_IDS]) > 0)


def bucket_lengths(max_length: int) -> list[int]:
    """Return the length of the longest window of each bucket, ascending."""
    return sorted({-(-max_length * part // 16) for part in (1, 2, 4, 8, 12, 16)})


def bucket_batch_sizes(max_length: int, batch_size: int) -> list[int]:
    """Return the number of windows in a batch of each bucket.

    Args:
        max_length: the number of inputs of the longest window.
        batch_size: the number of windows of that length in a batch.

    Returns:
        As many numbers as `bucket_lengths`.
    """
    return [batch_size * max_length // longest for longest in bucket_lengths(max_length)]


def _known(ids: tf.Tensor, item_count: int) -> tf.Tensor:
    """Return which ids are items of the vocabulary, bool [n]."""
    return (ids != PADDING_ID) & (ids <= item_count)

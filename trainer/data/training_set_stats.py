"""Statistics of the training split, read in one pass before the training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import ITEM_IDS, codes_key
from trainer.data.batches import NEXT_IDS, bucket_batch_sizes, bucket_lengths, read_windows


class TrainingSetStats(NamedTuple):
    """Statistics of an epoch of training.

    `sequences` is the largest part. It needs 8 bytes for each item of a window, and about 120 bytes for each window:
    1.0 GB for 100 million interactions in windows of 50 items. `trainer.network.cooccurrence.count_cooccurrences` needs
    much more while it counts them.
    """

    steps: int  # the number of batches
    target_fractions: npt.NDArray[np.float32]  # [item_count], the fraction of the targets that are each item
    sequences: list[npt.NDArray[np.int64]]  # the windows with their last targets
    item_codes: dict[str, npt.NDArray[np.int64]]  # by column, [1 + item_count], the last code of each item

    @property
    def targets_per_item(self) -> float:
        """The mean number of targets of the items that are targets."""
        targets = sum(len(sequence) - 1 for sequence in self.sequences)
        return targets / max(int(np.count_nonzero(self.target_fractions)), 1)


def scan_training_set(
    examples: tf.data.Dataset, item_count: int, max_length: int, batch_size: int, item_columns: Sequence[str] = ()
) -> TrainingSetStats:
    """Read the training examples once, and return their statistics.

    Args:
        examples: transformed examples, from `read_examples`.
        item_count: the number of items of the vocabulary; greater ids are unknown items.
        max_length: the number of inputs of the longest window.
        batch_size: the number of windows of that length in a batch, see `train_batches`.
        item_columns: the further columns that belong to the item.

    Returns:
        The statistics. There are no steps if no example has a known item before a known target.
    """
    counts, sequences = np.zeros(1 + item_count, np.int64), []
    buckets = bucket_lengths(max_length)
    windows = np.zeros(len(buckets), np.int64)
    item_codes = {name: np.zeros(1 + item_count, np.int64) for name in item_columns}
    for window in read_windows(examples, item_count, item_columns).as_numpy_iterator():
        items = np.append(window[ITEM_IDS], window[NEXT_IDS][-1])
        for name, codes in item_codes.items():
            codes[items] = window[codes_key(name)]
        counts += np.bincount(window[NEXT_IDS], minlength=1 + item_count)
        windows[np.searchsorted(buckets, len(window[NEXT_IDS]))] += 1
        sequences.append(items)
    steps = int(np.ceil(windows / bucket_batch_sizes(max_length, batch_size)).sum())
    fractions = (counts[1:] / max(counts[1:].sum(), 1)).astype(np.float32)
    return TrainingSetStats(steps, fractions, sequences, item_codes)

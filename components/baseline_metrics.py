"""The baselines over a run's examples."""

import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from schemas.features import EXCLUDE_IDS, ITEM_IDS, SPLITS, TARGET_ID, TARGET_TIMESTAMP_S, TEST, TIMESTAMPS_S, TRAIN
from trainer.baselines import Case, Walk, measure
from trainer.metrics import K


def measure_baselines(examples: str, *, remove_seen: bool) -> dict[str, dict[str, float]]:
    """The baselines' metrics on the test split, counted on the train split.

    Args:
        examples: the folder that holds the splits.
        remove_seen: whether items of a history are left out of what is recommended.
    """
    splits = {split: list(_read(examples, split)) for split in SPLITS}
    walks = [Walk([*case.history, case.target], times) for case, times in splits[TRAIN]]
    cases = [case for case, _ in splits[TEST]]
    catalogue = {
        item for found in splits.values() for case, _ in found for item in (*case.history, *case.seen, case.target)
    }
    return measure(walks, cases, sorted(catalogue), remove_seen=remove_seen, k=K)


def _read(examples: str, split: str) -> Iterator[tuple[Case, list[int]]]:
    """The cases of a split, with the times of the history and of the target."""
    files = sorted(tf.io.gfile.glob(os.path.join(examples, f"Split-{split}", "*")))
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        features: Any = tf.train.Example.FromString(record).features.feature

        def ids(name: str, features: Any = features) -> list[str]:
            return [item.decode() for item in features[name].bytes_list.value]

        times = [*features[TIMESTAMPS_S].int64_list.value, *features[TARGET_TIMESTAMP_S].int64_list.value]
        yield Case(ids(ITEM_IDS), ids(EXCLUDE_IDS), ids(TARGET_ID)[0]), times

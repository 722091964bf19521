"""Examples as Python objects: what the tests expect, and what they read from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from schemas import features
from schemas.features import SPLITS


class HistoryExample(NamedTuple):
    """One example. In a training example, every item after the first is a target as well."""

    split: str
    user_id: str
    item_ids: list[str]  # oldest first, never empty
    timestamps_s: list[int]  # whole seconds, as many as item_ids
    target_ids: list[str]  # the items to predict, in order of time, each once
    target_timestamp_s: int  # of the first target
    exclude_ids: list[str]  # items seen before item_ids begins, sorted; none in training
    further: Mapping[str, list[Any]]  # further columns, for the history
    target_further: Mapping[str, Any]  # the same columns for the first target
    train_interactions: int  # the number of the user's interactions in the training part
    of_user: Mapping[str, Any]  # the user's row of the table of users, by the name of the feature


def to_example(history: HistoryExample) -> bytes:
    """Serialize an example as a `tf.train.Example` with the features of `schemas.features`."""
    feature = {
        features.USER_ID: _bytes([history.user_id]),
        features.ITEM_IDS: _bytes(history.item_ids),
        features.TIMESTAMPS_S: _int64(history.timestamps_s),
        features.TARGET_ID: _bytes(history.target_ids[:1]),
        features.TARGET_TIMESTAMP_S: _int64([history.target_timestamp_s]),
        features.TARGET_IDS: _bytes(history.target_ids),
        features.EXCLUDE_IDS: _bytes(history.exclude_ids),
        features.SPLIT: _bytes([history.split]),
        features.TRAIN_INTERACTIONS: _int64([history.train_interactions]),
    }
    for name, values in history.further.items():
        feature[name] = _bytes_or_float(values)
        feature[features.target_key(name)] = _bytes_or_float([history.target_further[name]])
    for name, value in history.of_user.items():
        feature[name] = _bytes_or_float([value])
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True))


def _bytes_or_float(values: list[Any]) -> tf.train.Feature:
    return _bytes(values) if isinstance(values[0], str) else _float(values)


def _bytes(values: list[str]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode("utf-8") for value in values]))


def _float(values: list[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _int64(values: list[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def from_example(serialized: bytes) -> HistoryExample:
    """Parse an example. Columns are sorted by their names."""
    found: dict[str, list[Any]] = {
        name: [value.decode() if isinstance(value, bytes) else value for value in _values(feature)]
        for name, feature in sorted(tf.train.Example.FromString(serialized).features.feature.items())
    }
    further = [name for name in found if features.target_key(name) in found and name not in features.FEATURE_NAMES]
    of_user = [name for name in found if name.startswith("user_") and name != features.USER_ID]
    return HistoryExample(
        split=found[features.SPLIT][0],
        user_id=found[features.USER_ID][0],
        item_ids=found[features.ITEM_IDS],
        timestamps_s=found[features.TIMESTAMPS_S],
        target_ids=found[features.TARGET_IDS],
        target_timestamp_s=found[features.TARGET_TIMESTAMP_S][0],
        exclude_ids=found[features.EXCLUDE_IDS],
        further={name: found[name] for name in further},
        target_further={name: found[features.target_key(name)][0] for name in further},
        train_interactions=found[features.TRAIN_INTERACTIONS][0],
        of_user={name: found[name][0] for name in of_user},
    )


def _values(feature: tf.train.Feature) -> list[Any]:
    return list(getattr(feature, feature.WhichOneof("kind")).value)


def read_examples(folder: Path) -> Iterator[HistoryExample]:
    """Yield the examples in the files of an ingestion, in their order: by split, file and position."""
    for split in SPLITS:
        for path in sorted((folder / f"Split-{split}").iterdir()):
            for record in tf.data.TFRecordDataset(str(path), "GZIP"):
                yield from_example(record.numpy())

"""Queries of the test split, parsed from their examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_IDS, TARGET_TIMESTAMP_S, TRAIN_INTERACTIONS, USER_ID
from trainer.metrics.lists import Ids


@dataclass(frozen=True, eq=False)
class Queries:
    """A batch of queries: histories, with the items that followed.

    Args:
        users: the user of each query, [n].
        histories: the items of each history, oldest first.
        excluded: the items that each user saw before the history.
        targets: the items that followed.
        times_s: the time of the first target, unix seconds, [n].
        train_interactions: the number of the user's interactions in the training split, [n].
        columns: feature -> the values of each query.
    """

    users: Ids
    histories: list[list[str]]
    excluded: list[list[str]]
    targets: list[list[str]]
    times_s: npt.NDArray[np.int64]
    train_interactions: npt.NDArray[np.int64]
    columns: dict[str, list[list[str]]]

    def __len__(self) -> int:
        return len(self.users)

    @property
    def seen(self) -> list[set[str]]:
        """All items that the user of each query has seen."""
        return [{*history, *more} for history, more in zip(self.histories, self.excluded, strict=True)]


def read_queries(examples: Sequence[bytes], columns: Sequence[str] = ()) -> Queries:
    """Parse serialized examples.

    Args:
        examples: `tf.Example`s with the features of `schemas.features`.
        columns: the names of further features to read.

    Returns:
        The queries, in the order of the examples.
    """
    parsed = [tf.train.Example.FromString(example).features.feature for example in examples]
    return Queries(
        users=np.array([_texts(features[USER_ID])[0] for features in parsed], dtype=object),
        histories=[_texts(features[ITEM_IDS]) for features in parsed],
        excluded=[_texts(features[EXCLUDE_IDS]) for features in parsed],
        targets=[_texts(features[TARGET_IDS]) for features in parsed],
        times_s=_numbers(features[TARGET_TIMESTAMP_S] for features in parsed),
        train_interactions=_numbers(features[TRAIN_INTERACTIONS] for features in parsed),
        columns={name: [_values(features[name]) for features in parsed] for name in columns},
    )


def _texts(feature: Any) -> list[str]:
    return [value.decode() for value in feature.bytes_list.value]


def _numbers(features: Any) -> npt.NDArray[np.int64]:
    return np.array([feature.int64_list.value[0] for feature in features], dtype=np.int64)


def _values(feature: Any) -> list[str]:
    return _texts(feature) or [str(number) for number in feature.float_list.value]

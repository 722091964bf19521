"""Queries of the test split, read back from their examples."""

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
    """A batch: moments at which something is recommended, and what followed.

    Args:
        users: whose they are, [n].
        histories: of each, items in the order of time.
        excluded: of each, items seen before the history begins.
        targets: of each, the items that followed.
        times_s: of the first target, unix seconds, [n].
        train_interactions: of each user in the training split, [n].
        columns: by name of a feature, of each its values.
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
        """Of each, every item that the user is known to have seen."""
        return [{*history, *more} for history, more in zip(self.histories, self.excluded, strict=True)]


def read_queries(examples: Sequence[bytes], columns: Sequence[str] = ()) -> Queries:
    """Parses serialized `tf.Example`s of `schemas.features`; `columns` are further features to read."""
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

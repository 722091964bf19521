"""The further columns and times that a model reads, and how Transform encodes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.config import ModelConfig
from schemas.config.columns import split_categories
from schemas.config.log import Feature
from schemas.features import EVENT, GAP, TIME_CODES, VALUE
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings


class FeatureSpec(NamedTuple):
    """The features that a model reads in addition to item ids."""

    encodings: FeatureEncodings = FeatureEncodings()  # of the times and columns of interactions
    batch_columns: tuple[str, ...] = ()  # the columns whose codes a batch must hold: those of the network, the value
    item_encodings: Mapping[str, tuple[FeatureEncoding, str | None]] = {}  # with the separator of names in a category
    value_buckets: int = 1  # of the value, where a loss reads it
    event_weights: tuple[float, ...] = ()  # the weight of a target, by the code of its event; empty if all weigh 1


def read_feature_spec(
    vocabulary_file: Callable[[str], str],
    boundaries: Mapping[str, npt.NDArray[np.float32]],
    model: ModelConfig,
    features: Sequence[Feature],
    event_weights: Mapping[str, float],
) -> FeatureSpec:
    """Return the features that a model reads, as Transform has encoded them.

    Args:
        vocabulary_file: returns the file of the vocabulary that Transform wrote under a name.
        boundaries: by name, the boundaries of the buckets of `numbers_read`.
        model: the configuration that names the features.
        features: the further columns of the log.
        event_weights: the weight of a target in the loss, by its event; empty if all weigh the same.

    Returns:
        The features.
    """

    def encoding(feature: Feature) -> FeatureEncoding:
        if feature.kind == "category":
            return FeatureEncoding(vocabulary_file=vocabulary_file(feature.name))
        return FeatureEncoding(boundaries=boundaries[feature.name])

    inputs = model.inputs
    times = model.reads_times
    columns = {
        feature.name: encoding(feature)
        for feature in features
        if feature.of == "interaction" and feature.name in inputs.columns
    }
    value = next((feature for feature in features if feature.name == VALUE and model.learns_values), None)
    events = next(
        (encoding(feature).categories() for feature in features if event_weights and feature.name == EVENT), []
    )
    batch_columns = [
        *(TIME_CODES if times else ()),
        *columns,
        *([VALUE] if value else []),
        *([EVENT] if event_weights else []),
    ]
    return FeatureSpec(
        encodings=FeatureEncodings(
            gap_boundaries=boundaries[GAP] if times else np.empty(0, np.float32),
            times=times,
            query_times=inputs.query_time,
            columns=columns,
        ),
        batch_columns=tuple(dict.fromkeys(batch_columns)),
        item_encodings={
            feature.name: (encoding(feature), feature.separator) for feature in features if feature.of == "item"
        },
        value_buckets=encoding(value).id_count() - 1 if value else 1,
        # The codes before and after are those of a missing and of an unknown event, which no training example has.
        event_weights=(1.0, *(event_weights[event] for event in events), 1.0) if event_weights else (),
    )


def numbers_read(model: ModelConfig, features: Sequence[Feature]) -> list[str]:
    """Return the names of the numbers whose buckets a model may read.

    Args:
        model: the configuration that names the features.
        features: the further columns of the log.
    """
    return [*([GAP] if model.reads_times else []), *(each.name for each in features if each.kind == "number")]


def multi_hot_ids(
    codes: npt.NDArray[np.int64], encoding: FeatureEncoding, separator: str | None
) -> npt.NDArray[np.int64]:
    """Return the ids of the names in each item's category.

    Args:
        codes: int64 [items], the codes of the categories as they are in the log.
        encoding: the encoding of the categories.
        separator: the text between the names in a category; None where a category is one name.

    Returns:
        int64 [items, n], padded on the right with 0. Names are numbered from 1 in alphabetical order.
    """
    if separator is None:
        return codes[:, np.newaxis]
    categories = [split_categories(category, separator) for category in encoding.categories()]
    id_of = {name: 1 + i for i, name in enumerate(sorted({name for names in categories for name in names}))}
    # One row more for no category, and one for an unknown category.
    table = np.zeros([len(categories) + 2, max([1, *map(len, categories)])], np.int64)
    for row, names in enumerate(categories, start=1):
        table[row, : len(names)] = [id_of[name] for name in names]
    return table[codes]

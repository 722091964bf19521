"""Which further columns and times a model reads, and how Transform has made codes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import ModelConfig
from schemas.config.log import Feature, split_categories
from schemas.features import GAP, TIME_CODES, VALUE, boundaries_key
from serving.export.feature_encoding import FeatureEncoding, FeatureEncodings
from trainer.data.batches import first_record


class FeatureSpec(NamedTuple):
    """What is read beside item ids."""

    encodings: FeatureEncodings = FeatureEncodings()  # of what the network reads of interactions
    in_batches: tuple[str, ...] = ()  # the codes that a batch must hold: what the network reads, and the value
    of_items: Mapping[str, tuple[FeatureEncoding, str | None]] = {}  # with what separates the names in a category
    value_buckets: int = 1  # of the value, where the ranking task learns from it


def read_feature_spec(
    vocabulary_file: Callable[[str], str], files: Sequence[str], model: ModelConfig, features: Sequence[Feature]
) -> FeatureSpec:
    """What a model reads, as Transform has written it.

    Args:
        vocabulary_file: gives the file of Transform's vocabulary of a name.
        files: TFRecord.gz files of transformed examples, or patterns of them.
        model: says what is read.
        features: the further columns that are.

    Raises:
        InputError: there is no example.
    """

    def encoding(feature: Feature) -> FeatureEncoding:
        if feature.kind == "category":
            return FeatureEncoding(vocabulary_file=vocabulary_file(feature.name))
        return FeatureEncoding(boundaries=_boundaries(files, feature.name))

    inputs = model.inputs
    times = model.reads_times
    of_interactions = {
        feature.name: encoding(feature)
        for feature in features
        if feature.of == "interaction" and feature.name in inputs.columns
    }
    value = next((feature for feature in features if feature.name == VALUE and model.reranker.by_value), None)
    in_batches = [*(TIME_CODES if times else ()), *of_interactions, *([VALUE] if value else [])]
    return FeatureSpec(
        encodings=FeatureEncodings(
            gap_boundaries=_boundaries(files, GAP) if times else np.empty(0, np.float32),
            times=times,
            query_times=inputs.query_time,
            columns=of_interactions,
        ),
        in_batches=tuple(dict.fromkeys(in_batches)),
        of_items={feature.name: (encoding(feature), feature.separator) for feature in features if feature.of == "item"},
        value_buckets=encoding(value).id_count() - 1 if value else 1,
    )


def multi_hot_ids(
    codes: npt.NDArray[np.int64], encoding: FeatureEncoding, separator: str | None
) -> npt.NDArray[np.int64]:
    """A code for each name in an item's category.

    Args:
        codes: [items], of the whole categories.
        encoding: of these.
        separator: what stands between the names in a category; None where each is one name.

    Returns:
        [items, n], padded on the right with 0; names are numbered from 1 in the order of the alphabet.
    """
    if separator is None:
        return codes[:, np.newaxis]
    names = [split_categories(category, separator) for category in encoding.categories()]
    numbers = {name: 1 + i for i, name in enumerate(sorted({name for some in names for name in some}))}
    table = np.zeros([len(names) + 2, max([1, *map(len, names)])], np.int64)  # with none and the unknown category
    for row, some in enumerate(names, start=1):
        table[row, : len(some)] = [numbers[name] for name in some]
    return table[codes]


def _boundaries(files: Sequence[str], name: str) -> npt.NDArray[np.float32]:
    example = tf.train.Example.FromString(first_record(files))
    return np.array(example.features.feature[boundaries_key(name)].float_list.value, np.float32)

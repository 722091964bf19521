"""Examples: a user's history and the interactions that followed it, for each split.

`components.example_gen.splits` decides what is predicted from what; this module builds the examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf

from components.common.beam_combiners import sum_counters
from components.example_gen.combiners import CountItems, CountSeconds, MeasureExtent
from components.example_gen.side_tables import DescribeItems, DescribeUsers
from components.example_gen.splits import (
    INTERACTION_ROLES,
    SplitTimes,
    UserSplit,
    count_roles,
    split_history,
    split_times_from_shares,
    windows,
)
from components.example_gen.timelines import BuildTimelines, Timeline
from schemas import features
from schemas.config import HistoryConfig, LeaveOneOutConfig, SplitConfig
from schemas.config.log import DataConfig
from schemas.features import SPLITS, TEST, TRAIN

WARM, COLD = "warm", "cold"  # users with and without interactions in the training part


class HistoryExample(NamedTuple):
    """One example. In a training example, every item after the first is a target as well."""

    split: str
    user_id: str
    item_ids: list[str]  # oldest first, never empty
    timestamps_s: list[int]  # whole seconds, as many as item_ids
    target_ids: list[str]  # the items to predict, in order of time, each once
    target_timestamp_s: int  # of the first target
    exclude_ids: list[str]  # items seen before item_ids begins, sorted; none in training
    further: dict[str, list[Any]]  # the columns of `Timeline.further`, for the history
    target_further: dict[str, Any]  # the same columns for the first target
    train_interactions: int  # the number of the user's interactions in the training part
    of_user: Mapping[str, Any]  # the user's row of the table of users, by the name of the feature


def histories(
    timeline: Timeline, user_split: UserSplit, max_length: int, of_user: Mapping[str, Any]
) -> Iterator[HistoryExample]:
    """Yield a user's examples of all splits. A target without a history has no example.

    Args:
        timeline: the user's interactions.
        user_split: their split.
        max_length: the most interactions of an example's history.
        of_user: the user's row of the table of users.

    Yields:
        Examples, those of training first.
    """
    train_interactions = user_split.train_interactions

    def history(split: str, begin: int, start: int, first: int, end: int) -> HistoryExample:
        """Return the example with the history from `start` on; items from `begin` to `start` are excluded."""
        items = timeline.item_ids[start:first]
        return HistoryExample(
            split=split,
            user_id=timeline.user_id,
            item_ids=items,
            timestamps_s=[int(second) for second in timeline.timestamps_s[start:first]],
            target_ids=list(dict.fromkeys(timeline.item_ids[first:end])),
            target_timestamp_s=int(timeline.timestamps_s[first]),
            exclude_ids=sorted(set(timeline.item_ids[begin:start]).difference(items)),
            further={name: values[start:first] for name, values in timeline.further.items()},
            target_further={name: values[first] for name, values in timeline.further.items()},
            train_interactions=train_interactions,
            of_user=of_user,
        )

    for span in user_split.train:
        for start, target in windows(span, max_length):
            yield history(TRAIN, start, start, target, target + 1)
    for split, begin, first, end in user_split.targets:
        if begin < first:
            yield history(split, begin, max(first - max_length, begin), first, end)


def to_example(history: HistoryExample) -> bytes:
    """Serialize an example as a `tf.train.Example` with the features of `schemas.features`.

    Args:
        history: the example.

    Returns:
        The serialized example; equal examples give equal bytes.
    """
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


class BuildHistories(beam.PTransform):
    """Transform of interactions to examples, through a timeline for each user.

    The table of items is in every worker's memory, and one user's interactions are in one worker's
    memory.

    Args:
        data: the minimums, the further columns and the tables.
        split: the protocol that divides each user's interactions.
        history: the length of an example's history.

    Example:
        >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
        ...     batches = pipeline | beam.Create([interactions])  # of `interaction_schema`
        ...     built = batches | BuildHistories(data, LeaveOneOutConfig(), HistoryConfig(max_length=50))
        ...     built["histories"] | beam.Map(lambda example: print(example.item_ids, example.target_ids))
    """

    def __init__(self, data: DataConfig, split: SplitConfig, history: HistoryConfig) -> None:
        super().__init__()
        self._data = data
        self._split = split
        self._max_length = history.max_length

    def expand(self, batches: beam.PCollection) -> dict[str, beam.PCollection]:
        """Build the examples and count what became of the interactions.

        Args:
            batches: record batches of `interaction_schema`.

        Returns:
            `histories`, with `HistoryExample` elements, and `counts`, with one dictionary: the
            fields of `IngestionReport` that describe interactions, users, items and examples.
        """
        built = batches | "BuildTimelines" >> BuildTimelines(self._data)
        timelines = built["timelines"]
        counts = [built["dropped"]]
        if any(feature.in_table for feature in self._data.features):
            described = timelines | "DescribeItems" >> DescribeItems(self._data)
            timelines = described.timelines
            counts.append(described.counts)
        split_times = beam.pvalue.AsSingleton(self._split_times(timelines))
        split = (
            timelines
            | "DescribeUsers" >> DescribeUsers(self._data)
            | "Split"
            >> beam.FlatMap(_split, self._split, split_times, self._max_length).with_outputs("counts", main="histories")
        )
        extent = timelines | "MeasureExtent" >> beam.CombineGlobally(MeasureExtent())
        items = timelines | "CountItems" >> CountItems()
        counts = (
            (*counts, split.counts)
            | "AllCounts" >> beam.Flatten()
            | "SumCounts" >> beam.CombineGlobally(sum_counters)
            | "Summarize"
            >> beam.Map(_summary, beam.pvalue.AsSingleton(extent), beam.pvalue.AsSingleton(items), split_times)
        )
        return {"histories": split.histories, "counts": counts}

    def _split_times(self, timelines: beam.PCollection) -> beam.PCollection:
        """Return one element: the split times, or None for a protocol without them."""
        if isinstance(self._split, LeaveOneOutConfig):
            return timelines.pipeline | "NoSplitTimes" >> beam.Create([None])
        if self._split.test_from is not None:
            return timelines.pipeline | "GivenSplitTimes" >> beam.Create([self._split.cuts_s()])
        return (
            timelines
            | "CountSeconds" >> beam.CombineGlobally(CountSeconds())
            | "SplitTimesFromShares" >> beam.Map(split_times_from_shares, self._split)
        )


def _split(
    described: tuple[Timeline, Mapping[str, Any], bool],
    split: SplitConfig,
    split_times_s: SplitTimes | None,
    max_length: int,
) -> Iterator[Any]:
    timeline, of_user, not_in_table = described
    times = timeline.timestamps_s
    user_split = split_history(times, split, split_times_s)
    counts = Counter(users=1, interactions=len(times), ties=sum(a == b for a, b in pairwise(times)))
    counts.update(count_roles(len(times), user_split))
    counts["users_not_in_table"] = int(not_in_table)
    for history in histories(timeline, user_split, max_length, of_user):
        counts[history.split] += 1
        yield history
    if counts[TEST]:
        counts[WARM if user_split.train_interactions else COLD] = 1
    yield beam.pvalue.TaggedOutput("counts", counts)


def _summary(
    counts: Counter[str], extent: dict[str, Any], items: int, split_times_s: SplitTimes | None
) -> dict[str, Any]:
    names = (
        "users",
        "interactions",
        "ties",
        "below_item_minimum",
        "below_user_minimum",
        "not_in_table",
        "users_not_in_table",
    )
    return {
        **{name: counts[name] for name in names},
        **extent,
        "items": items,
        "roles": {role: counts[role] for role in INTERACTION_ROLES},
        "examples": {split: counts[split] for split in SPLITS},
        "test_users": {kind: counts[kind] for kind in (WARM, COLD)},
        "split_times_s": split_times_s,
    }

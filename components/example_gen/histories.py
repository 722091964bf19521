"""From interactions to histories: a user's past and the interactions that followed it, for each split.

`components.example_gen.splits` decides what is predicted from what; here that becomes examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf

from components.example_gen.combiners import CountSeconds, MeasureExtent, SumCounters
from components.example_gen.items import DescribeItems
from components.example_gen.side_tables import LookupTable
from components.example_gen.splits import (
    INTERACTION_ROLES,
    Cuts,
    UserSplit,
    count_roles,
    cuts_from_shares,
    split_history,
    windows,
)
from components.example_gen.timelines import BuildTimelines, Timeline
from components.example_gen.users import read_users
from schemas import config, features
from schemas.config.log import DataConfig
from schemas.features import SPLITS, TEST, TRAIN

WARM, COLD = "warm", "cold"  # users with and without interactions in the training part


class HistoryExample(NamedTuple):
    """One example; in a training example every position after the first is a target as well."""

    split: str
    user_id: str
    item_ids: list[str]  # oldest first, never empty
    timestamps_s: list[int]  # whole seconds, as many as item_ids
    target_ids: list[str]  # what is to be found, in order of time, each once
    target_timestamp_s: int  # of the first
    exclude_ids: list[str]  # items seen before item_ids begins, sorted; none in training
    further: dict[str, list[Any]]  # as a timeline's, of the history
    target_further: dict[str, Any]  # the same of the first target
    train_interactions: int  # how many the user has in the training part
    of_user: Mapping[str, Any]  # what the table of users knows, by the name of the feature


def histories(
    timeline: Timeline, division: UserSplit, max_length: int, of_user: Mapping[str, Any]
) -> Iterator[HistoryExample]:
    """A user's examples of all splits; targets that nothing comes before give none."""

    train_interactions = division.train_interactions

    def history(split: str, begin: int, start: int, first: int, end: int) -> HistoryExample:
        """Of a history from `begin` on, the part from `start` on is read."""
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

    for span in division.train:
        for start, target in windows(span, max_length):
            yield history(TRAIN, start, start, target, target + 1)
    for split, begin, first, end in division.targets:
        if begin < first:
            yield history(split, begin, max(first - max_length, begin), first, end)


def to_example(history: HistoryExample) -> bytes:
    """The history as a serialized `tf.train.Example` of `schemas.features`; equal histories give equal bytes."""
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
    """Batches of interactions to `HistoryConfig` elements, by way of a timeline for each user.

    The tables of items and users are in every worker's memory.
    """

    def __init__(self, data: DataConfig, split: config.SplitConfig, history: config.HistoryConfig) -> None:
        super().__init__()
        self._data = data
        self._split = split
        self._max_length = history.max_length

    def expand(self, batches: beam.PCollection) -> dict[str, beam.PCollection]:
        """To `histories`, and `counts` with one element, a dictionary.

        Its keys: `users`, `items` and `interactions` after the minimums,
        `ties` (interactions at the same time as the user's one before),
        `below_item_minimum` and `below_user_minimum` (interactions dropped),
        `uses` (of the interactions, by `splits.INTERACTION_ROLES`), `examples` by split,
        `test_users` (with a test example; warm and cold),
        `first_timestamp_s` and `last_timestamp_s` (None without
        interactions), `cuts_s` (None for leave-one-out), `not_in_table`
        (interactions whose item the table of items lacks) and
        `users_not_in_table`.
        """
        built = batches | "BuildTimelines" >> BuildTimelines(self._data)
        timelines = built["timelines"]
        counts = [built["dropped"]]
        if any(feature.in_table for feature in self._data.features):
            described = timelines | "DescribeItems" >> DescribeItems(self._data)
            timelines = described.timelines
            counts.append(described.counts)
        cuts = beam.pvalue.AsSingleton(self._cuts(timelines))
        users = beam.pvalue.AsSingleton(
            timelines.pipeline | "Users" >> beam.Create([self._data]) | "ReadUsers" >> beam.Map(read_users)
        )
        split = timelines | "Split" >> beam.FlatMap(_split, self._split, cuts, self._max_length, users).with_outputs(
            "counts", main="histories"
        )
        extent = timelines | "MeasureExtent" >> beam.CombineGlobally(MeasureExtent())
        counts = (
            (*counts, split.counts)
            | "AllCounts" >> beam.Flatten()
            | "SumCounts" >> beam.CombineGlobally(SumCounters())
            | "Summarize" >> beam.Map(_summary, beam.pvalue.AsSingleton(extent), cuts)
        )
        return {"histories": split.histories, "counts": counts}

    def _cuts(self, timelines: beam.PCollection) -> beam.PCollection:
        """One element: the cuts, or None where there are none."""
        if isinstance(self._split, config.LeaveOneOutConfig):
            return timelines.pipeline | "NoCuts" >> beam.Create([None])
        if self._split.test_from is not None:
            return timelines.pipeline | "GivenCuts" >> beam.Create([self._split.cuts_s()])
        return (
            timelines
            | "CountSeconds" >> beam.CombineGlobally(CountSeconds())
            | "CutByShares" >> beam.Map(cuts_from_shares, self._split)
        )


def _split(
    timeline: Timeline, split: config.SplitConfig, cuts_s: Cuts | None, max_length: int, users: LookupTable
) -> Iterator[Any]:
    times = timeline.timestamps_s
    division = split_history(times, split, cuts_s)
    counts = Counter(users=1, interactions=len(times), ties=sum(a == b for a, b in pairwise(times)))
    counts.update(count_roles(len(times), division))
    counts["users_not_in_table"] = int(users.is_missing(timeline.user_id))
    for history in histories(timeline, division, max_length, users.get(timeline.user_id)):
        counts[history.split] += 1
        yield history
    if counts[TEST]:
        counts[WARM if division.train_interactions else COLD] = 1
    yield beam.pvalue.TaggedOutput("counts", counts)


def _summary(counts: Counter[str], extent: dict[str, Any], cuts_s: Cuts | None) -> dict[str, Any]:
    plain = (
        "users",
        "interactions",
        "ties",
        "below_item_minimum",
        "below_user_minimum",
        "not_in_table",
        "users_not_in_table",
    )
    return {
        **{name: counts[name] for name in plain},
        **extent,
        "uses": {use: counts[use] for use in INTERACTION_ROLES},
        "examples": {split: counts[split] for split in SPLITS},
        "test_users": {kind: counts[kind] for kind in (WARM, COLD)},
        "cuts_s": cuts_s,
    }

"""From interactions to histories: a user's past and the interaction that followed it, for each split.

The functions at the top are the rules, on plain Python values; the transform
that applies them to every user comes last.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf

from components.items import DescribeItems
from components.tallies import CountSeconds, MeasureExtent, SecondCounts, SumCounters
from components.timelines import BuildTimelines, Timeline
from schemas import config, features
from schemas.features import EVAL, SPLITS, TEST, TRAIN
from schemas.log import Data

Cuts = tuple[float, float]  # validation_from, test_from, in unix seconds


class SplitPoints(NamedTuple):
    """How a timeline is divided: positions in it."""

    train_length: int  # the interactions before this position are trained on
    eval_target: int | None
    test_target: int | None


class History(NamedTuple):
    """One example; in a training example every position after the first is a target as well."""

    split: str
    user_id: str
    item_ids: list[str]  # oldest first, never empty
    timestamps_s: list[int]  # whole seconds, as many as item_ids
    target_id: str
    target_timestamp_s: int
    exclude_ids: list[str]  # items seen before item_ids begins, sorted; none in training
    further: dict[str, list[Any]]  # as a timeline's, of the history
    target_further: dict[str, Any]  # the same of the target


def split_history(timestamps_s: Sequence[float], cuts_s: Cuts | None) -> SplitPoints:
    """Decides what of a user is trained on, and what is predicted in validation and in test.

    Leave-one-out: the last interaction is the test target, the one before it
    validation's, the rest is trained on. So a user of two interactions gives
    a test example, of three validation's as well, of four all three.

    Temporal: everything before the first cut is trained on; the targets are
    the first interaction between the cuts and the first from the second on,
    one of each at most, so that users weigh the same.

    Args:
        timestamps_s: a user's times, ascending.
        cuts_s: the temporal split's two cuts; None for leave-one-out.
    """
    count = len(timestamps_s)
    if cuts_s is None:
        return SplitPoints(max(count - 2, 0), count - 2 if count > 1 else None, count - 1 if count else None)
    validation, test = (bisect.bisect_left(timestamps_s, cut) for cut in cuts_s)
    return SplitPoints(validation, validation if validation < test else None, test if test < count else None)


def windows(length: int, max_length: int) -> Iterator[tuple[int, int]]:
    """Cuts a training sequence so that every interaction but the first is a target once.

    A window reads positions `start` to `target - 1` and predicts each one's
    successor, the last of them at `target`. Windows are cut from the end
    backwards, so that the most recent one is full.

    Args:
        length: of the sequence.
        max_length: the most interactions that a window reads.

    Yields:
        (start, target), the most recent first.
    """
    target = length - 1
    while target > 0:
        start = max(target - max_length, 0)
        yield start, target
        target = start


def histories(timeline: Timeline, points: SplitPoints, max_length: int) -> Iterator[History]:
    """A user's examples of all splits; a target that is the user's first interaction gives none."""
    for start, target in windows(points.train_length, max_length):
        yield _history(TRAIN, timeline, start, target)
    for split, position in ((EVAL, points.eval_target), (TEST, points.test_target)):
        if position:
            yield _history(split, timeline, max(position - max_length, 0), position)


def _history(split: str, timeline: Timeline, start: int, target: int) -> History:
    items = timeline.item_ids[start:target]
    return History(
        split=split,
        user_id=timeline.user_id,
        item_ids=items,
        timestamps_s=[int(second) for second in timeline.timestamps_s[start:target]],
        target_id=timeline.item_ids[target],
        target_timestamp_s=int(timeline.timestamps_s[target]),
        exclude_ids=[] if split == TRAIN else sorted(set(timeline.item_ids[:start]).difference(items)),
        further={name: values[start:target] for name, values in timeline.further.items()},
        target_further={name: values[target] for name, values in timeline.further.items()},
    )


def cuts_from_shares(counts: SecondCounts, split: config.Temporal) -> Cuts | None:
    """The cuts of a temporal split that is given by shares.

    Each is the earliest second of the log with at most the share of all
    interactions at it or later; where the log's last second alone has more,
    the second after it.

    Args:
        counts: distinct whole seconds, ascending, and the interactions in each.
        split: the shares.

    Returns:
        The cuts; None for an empty log.
    """
    seconds, interactions = counts
    if not seconds.size:
        return None
    at_or_after = np.cumsum(interactions[::-1])[::-1]

    def cut(share: float) -> float:
        # The small addend keeps .7 + .1 of ten from being seven.
        fitting = seconds[at_or_after <= share * at_or_after[0] + 1e-6]
        return float(fitting[0]) if fitting.size else float(seconds[-1]) + 1.0

    return cut(split.validation_share + split.test_share), cut(split.test_share)


def to_example(history: History) -> bytes:
    """The history as a serialized `tf.train.Example` of `schemas.features`; equal histories give equal bytes."""
    feature = {
        features.USER_ID: _bytes([history.user_id]),
        features.ITEM_IDS: _bytes(history.item_ids),
        features.TIMESTAMPS_S: _int64(history.timestamps_s),
        features.TARGET_ID: _bytes([history.target_id]),
        features.TARGET_TIMESTAMP_S: _int64([history.target_timestamp_s]),
        features.EXCLUDE_IDS: _bytes(history.exclude_ids),
    }
    for name, values in history.further.items():
        encode = _bytes if isinstance(values[0], str) else _float
        feature[name] = encode(values)
        feature[features.target_key(name)] = encode([history.target_further[name]])
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True))


def _bytes(values: list[str]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode("utf-8") for value in values]))


def _float(values: list[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _int64(values: list[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


class BuildHistories(beam.PTransform):
    """Batches of interactions to `History` elements, by way of a timeline for each user."""

    def __init__(self, data: Data, split: config.LeaveOneOut | config.Temporal, history: config.History) -> None:
        super().__init__()
        self._data = data
        self._split = split
        self._max_length = history.max_length

    def expand(self, batches: beam.PCollection) -> dict[str, beam.PCollection]:
        """To `histories`, and `counts` with one element, a dictionary.

        Its keys: `users`, `items` and `interactions` after the minimums,
        `ties` (interactions at the same time as the user's one before),
        `below_item_minimum` and `below_user_minimum` (interactions dropped),
        `examples` by split, `targets_without_history` (eval and test),
        `first_timestamp_s` and `last_timestamp_s` (None without
        interactions), `cuts_s` (None for leave-one-out), `not_in_table`
        (interactions whose item the table of items lacks).
        """
        built = batches | "BuildTimelines" >> BuildTimelines(self._data)
        timelines = built["timelines"]
        counts = [built["dropped"]]
        if any(feature.in_table for feature in self._data.features):
            described = timelines | "DescribeItems" >> DescribeItems(self._data)
            timelines = described.timelines
            counts.append(described.counts)
        cuts = beam.pvalue.AsSingleton(self._cuts(timelines))
        split = timelines | "Split" >> beam.FlatMap(_split, cuts, self._max_length).with_outputs(
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
        if isinstance(self._split, config.LeaveOneOut):
            return timelines.pipeline | "NoCuts" >> beam.Create([None])
        if self._split.test_from is not None:
            return timelines.pipeline | "GivenCuts" >> beam.Create([self._split.cuts_s()])
        return (
            timelines
            | "CountSeconds" >> beam.CombineGlobally(CountSeconds())
            | "CutByShares" >> beam.Map(cuts_from_shares, self._split)
        )


def _split(timeline: Timeline, cuts_s: Cuts | None, max_length: int) -> Iterator[Any]:
    times = timeline.timestamps_s
    counts = Counter(users=1, interactions=len(times), ties=sum(a == b for a, b in pairwise(times)))
    points = split_history(times, cuts_s)
    counts["targets_without_history"] = [points.eval_target, points.test_target].count(0)
    for history in histories(timeline, points, max_length):
        counts[history.split] += 1
        yield history
    yield beam.pvalue.TaggedOutput("counts", counts)


def _summary(counts: Counter[str], extent: dict[str, Any], cuts_s: Cuts | None) -> dict[str, Any]:
    plain = (
        "users",
        "interactions",
        "ties",
        "below_item_minimum",
        "below_user_minimum",
        "not_in_table",
        "targets_without_history",
    )
    return {
        **{name: counts[name] for name in plain},
        **extent,
        "examples": {split: counts[split] for split in SPLITS},
        "cuts_s": cuts_s,
    }

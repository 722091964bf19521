"""From interactions to examples: a shuffle by user, then one shard of the users at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import AsList, AsSingleton, PCollection, TaggedOutput

from components.common.beam_combiners import MergeParts, sum_counters
from components.example_gen.cleaning.minimums import read_ids
from components.example_gen.cleaning.sessions import take_sessions
from components.example_gen.cleaning.shard_work import Work, load_timelines, rows_of_users, shard_work
from components.example_gen.counts.combiners import CountDistinct, CountSeconds, widest
from components.example_gen.counts.file_counts import INTERACTIONS, by_rule, count_by_file
from components.example_gen.counts.interaction_counts import count_interactions, merge_counts, write_counts
from components.example_gen.counts.report import LEFT_OUT
from components.example_gen.examples.histories import history_batches
from components.example_gen.examples.history_writer import write_examples
from components.example_gen.examples.splits import (
    INTERACTION_ROLES,
    Examples,
    SplitTimes,
    split_timelines,
    split_times_from_shares,
)
from components.example_gen.interactions.spill import Shard, Spill
from components.example_gen.interactions.timelines import Timelines
from components.example_gen.tables.lookup_table import build_table, rows_schema
from schemas.config import HistoryConfig, LeaveOneOutConfig, SplitConfig
from schemas.config.log import DataConfig
from schemas.features import SPLITS

WARM, COLD = "warm", "cold"  # users with and without interactions in the training part


class Users(NamedTuple):
    """The users of a shard with their interactions."""

    shard: Shard
    timelines: Timelines
    of_user: Mapping[str, pa.Array]  # the values of the table of users by feature, [users]


class SplitOfUsers(NamedTuple):
    """The examples of a split and shard, as indices."""

    users: Users
    split: str
    examples: Examples
    train_interactions: Any  # int64 [users]


class BuildHistories(beam.PTransform):
    """Transform of interactions to files of examples.

    All interactions of a shard are in one worker's memory: `ROWS_PER_SHARD`, or those of the largest user. So are the
    ids of rare items.

    Args:
        data: the rules of cleaning, the minimums, the further columns and the table of users.
        split: the protocol that divides each user's interactions.
        history: the length of an example's history.
        directory: the folder of the examples.
        scratch: a folder for unfinished files, see `atomic_write`.
        rare: the files of `find_rare_items`.
        refit: whether to write the split `REFIT` as well.
    """

    def __init__(
        self,
        data: DataConfig,
        split: SplitConfig,
        history: HistoryConfig,
        directory: str,
        scratch: str,
        rare: tuple[str, ...] = (),
        *,
        refit: bool = False,
    ) -> None:
        super().__init__()
        self._data = data
        self._split = split
        self._max_length = history.max_length
        self._places = (directory, scratch)
        self._rare = rare
        self._refit = refit

    def expand(self, spills: dict[str, PCollection]) -> dict[str, PCollection]:
        """Write the examples and count what became of the interactions.

        Args:
            spills: `interactions` and `users`, the files of `SpillRows` with the interactions, of `interaction_schema`,
                and with the rows of the table of users.

        Returns:
            `files`, the paths of all files after they are written; `counts`, with one dictionary: the fields of
            `IngestionReport` that describe interactions, users, items and examples; and `file_counts`, the
            interactions and what was left out, as `FileCounts` of each shard.
        """
        pipeline = spills["interactions"].pipeline
        work = (
            pipeline
            | "Once" >> beam.Create([None])
            | "Shards" >> beam.FlatMap(_all_work, AsList(spills["interactions"]), AsList(spills["users"]))
            | "SpreadShards" >> beam.Reshuffle()
        )
        split_times = AsSingleton(self._split_times(work))
        loaded = work | "LoadUsers" >> beam.FlatMap(_load, self._data, self._rare).with_outputs(
            "counts", "file_counts", main="users"
        )
        split = loaded.users | "Split" >> beam.FlatMap(
            _split, self._split, split_times, self._max_length, self._refit
        ).with_outputs("counts", "extents", "items", main="examples")
        files = (
            split.examples | "WriteExamples" >> beam.Map(_write, *self._places),
            loaded.users
            | "CountInteractions" >> beam.Map(_count_interactions, self._data)
            | "MergeCounts" >> beam.CombineGlobally(MergeParts(merge_counts))
            | "WriteCounts" >> beam.Map(write_counts, *self._places),
        ) | "Files" >> beam.Flatten()
        extent = AsSingleton(split.extents | "Extent" >> beam.CombineGlobally(widest))
        distinct = AsSingleton(split["items"] | "CountItems" >> CountDistinct())
        counts = (
            (loaded.counts, split.counts)
            | "AllCounts" >> beam.Flatten()
            | "SumCounts" >> beam.CombineGlobally(sum_counters)
            | "Summarize" >> beam.Map(_summary, extent, distinct, split_times)
        )
        return {"files": files, "counts": counts, "file_counts": loaded.file_counts}

    def _split_times(self, work: PCollection) -> PCollection:
        """Return one element: the split times, or None for a protocol without them."""
        if isinstance(self._split, LeaveOneOutConfig):
            return work.pipeline | "NoSplitTimes" >> beam.Create([None])
        if self._split.test_from is not None:
            return work.pipeline | "GivenSplitTimes" >> beam.Create([self._split.cuts_s()])
        # Each shard is read once more, so that Beam need not keep all of them until the split times are known.
        return (
            work
            | "LoadTimes" >> beam.Map(_load_times, self._data, self._rare)
            | "CountSeconds" >> beam.CombineGlobally(CountSeconds())
            | "SplitTimesFromShares" >> beam.Map(split_times_from_shares, self._split)
        )


def _all_work(_: None, interactions: list[Spill], users: list[Spill]) -> list[Work]:
    return shard_work(interactions, users)


def _load(work: Work, data: DataConfig, rare: Sequence[str]) -> Iterator[Any]:
    timelines, left_out = load_timelines(work, data, read_ids(rare))
    counts = by_rule(left_out)
    of_user: dict[str, pa.Array] = {}
    if data.users:
        of_user, missing = build_table(rows_of_users(work), rows_schema(data.users)).look_up(timelines.user_ids)
        counts["users_not_in_table"] = int(missing.sum())
    yield TaggedOutput("counts", counts)
    kept = count_by_file(timelines.files, timelines.file_names, INTERACTIONS)
    yield TaggedOutput("file_counts", kept + left_out)
    yield Users(work.shard, timelines, of_user)


def _count_interactions(users: Users, data: DataConfig) -> pa.Table:
    return count_interactions(users.timelines, data)


def _load_times(work: Work, data: DataConfig, rare: Sequence[str]) -> Timelines:
    return load_timelines(work, data, read_ids(rare))[0]


def _split(
    users: Users, split: SplitConfig, split_times_s: SplitTimes | None, max_length: int, refit: bool
) -> Iterator[Any]:
    times, offsets = users.timelines.timestamps_s, users.timelines.offsets
    ties = np.diff(times, prepend=np.nan) == 0
    ties[offsets[:-1]] = False  # the interaction before is another user's
    timelines, sessions = take_sessions(users.timelines, split)
    users = users._replace(timelines=timelines)
    found = split_timelines(timelines.timestamps_s, offsets, split, split_times_s, max_length, sessions, refit=refit)
    counts = Counter(users=len(timelines.user_ids), interactions=len(times), ties=int(ties.sum()))
    counts.update({**found.roles, WARM: found.warm, COLD: found.cold})
    for name, examples in found.examples.items():
        counts[name] = len(examples.user)
        yield SplitOfUsers(users, name, examples, found.train_interactions)
    yield TaggedOutput("counts", counts)
    yield TaggedOutput("items", timelines.item_ids.take(pa.array(np.unique(timelines.items))))
    if len(times):
        yield TaggedOutput("extents", (float(times.min()), float(times.max())))


def _write(part: SplitOfUsers, directory: str, scratch: str) -> str:
    users, split, examples, train_interactions = part
    batches = history_batches(users.timelines, split, examples, train_interactions, users.of_user)
    return write_examples(batches, split, users.shard, directory, scratch)


def _summary(
    counts: Counter[str], extent: tuple[float, float] | None, items: int, split_times_s: SplitTimes | None
) -> dict[str, Any]:
    names = ("users", "interactions", "ties", "users_not_in_table")
    first, last = extent or (None, None)
    return {
        **{name: counts[name] for name in names},
        "left_out": {rule: counts[rule] for rule in LEFT_OUT},
        "first_timestamp_s": first,
        "last_timestamp_s": last,
        "items": items,
        "roles": {role: counts[role] for role in INTERACTION_ROLES},
        "examples": {split: counts[split] for split in SPLITS},
        "test_users": {kind: counts[kind] for kind in (WARM, COLD)},
        "split_times_s": split_times_s,
    }

"""The Beam pipeline that counts the baselines' tables and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsDict, AsIter, AsSingleton, TaggedOutput
from scipy import sparse

from components.baselines.batch_counts import (
    ALL_USERS,
    COOCCURRENCES,
    FIXED_POINT_ONE,
    INTERACTIONS,
    RECENT,
    SEQUENCES,
    USERS,
    Block,
    BlockKey,
    add,
    count_sequences,
    count_times,
    count_users,
    keep_recent_sessions,
    nearest_neighbours,
    recency_weights,
)
from components.baselines.item_catalogue import ItemFeatures, collect_items, feature_columns, index_items, merge_items
from components.baselines.session_index import earliest_ends, latest_ends
from components.baselines.tables import write_block, write_items, write_sessions
from components.common.beam_combiners import MergeParts, ValueCounts, count_distinct, merge_value_counts
from components.common.example_batches import (
    ExampleColumns,
    FindFiles,
    join_sequences,
    parse_examples,
    read_example_batches,
)
from schemas.config.log import Feature
from schemas.features import SPLITS, TRAIN
from trainer.baselines.tables import ItemCounts

INTERACTIONS_AT_ONCE = 1_000_000  # of training sequences; large parts are counted and added up in less time


class CountBaselines(beam.PTransform):
    """Transform of files of examples to the counts of the baselines' `Tables`.

    Only one split is counted. The catalogue is the items of all splits. A worker
    holds the catalogue, a part of the sequences, and blocks of the sums.

    Args:
        features: further columns of the examples; those that belong to the item are kept in the tables.
        split: the split that is counted.
        half_life_s: of the weights of interactions, see `recency_weights`.

    Example:
        Count the examples of a folder, as `count_baselines` does::

            counts = pipeline | FindFiles(folder, SPLITS) | CountBaselines()
    """

    def __init__(self, features: Sequence[Feature] = (), split: str = TRAIN, half_life_s: float | None = None) -> None:
        super().__init__()
        self._half_life_s = half_life_s
        self._split = split
        self._features = [feature for feature in features if feature.of == "item"]

    def expand(self, files: beam.PCollection) -> dict[str, beam.PCollection]:
        """Count the examples of files.

        Args:
            files: pairs of a split and a file.

        Returns:
            `items`, one `ItemCounts`; `last_time_s`, the time of the last target, or None; `blocks`, those of
            `TRANSITIONS` and `NEIGHBOURS` by key; and `sessions`, by the number of a part.
        """
        read = files | "ReadFile" >> beam.FlatMap(_read_file, self._features, self._split).with_outputs(
            "times", "sequences", main="items"
        )
        items = read["items"] | "MergeItems" >> beam.CombineGlobally(MergeParts(merge_items))
        index = AsSingleton(items | "IndexItems" >> beam.Map(index_items))
        times = read.times | "MergeTimes" >> beam.CombineGlobally(MergeParts(merge_value_counts, count_distinct))
        recency = AsSingleton(times | "RecencyWeights" >> beam.Map(recency_weights, self._half_life_s))
        counted = read.sequences | "CountSequences" >> beam.FlatMap(count_sequences, index, recency).with_outputs(
            "rows", "sessions", "ends", "users", main="pairs"
        )
        rows = AsDict(counted.rows | "SumRows" >> _SumBlocks())
        users = AsDict(
            counted.users
            | "KeyByUsers" >> beam.Map(lambda group: group).with_output_types(tuple[int, Any])
            | "GroupUsers" >> beam.GroupByKey()
            | "CountUsers" >> beam.FlatMap(count_users, index)
            | "SumUsers" >> _SumBlocks()
        )
        # Rows are summed separately because neighbours need them: the sums of pairs would be kept until then.
        blocks = counted.pairs | "SumPairs" >> _SumBlocks() | "FinishBlock" >> beam.Map(_finish_block, rows)
        return {
            "items": items | "ItemCounts" >> beam.Map(_item_counts, self._features, rows, users),
            "last_time_s": times | "LastTime" >> beam.Map(_last_time_s),
            "blocks": blocks,
            "sessions": self._recent_sessions(counted, index, recency),
        }

    def _recent_sessions(self, counted: Any, index: AsSingleton, recency: AsSingleton) -> beam.PCollection:
        earliest = AsSingleton(
            counted.ends
            | "KeyByBlock" >> beam.Map(lambda ends: ends).with_output_types(tuple[int, Any])
            | "LatestEnds" >> beam.CombinePerKey(MergeParts(latest_ends, lambda ends: len(ends[0])))
            | "EndsOfBlock" >> beam.Values()
            | "ListEnds" >> beam.combiners.ToList()
            | "EarliestEnds" >> beam.Map(lambda latest, index: earliest_ends(latest, len(index)), index)
        )
        return (
            counted.sessions
            | "RecentSessions"
            >> beam.FlatMap(keep_recent_sessions, earliest, recency).with_output_types(tuple[int, Any])
            | "GroupSessions" >> beam.GroupByKey()
            | "ListSessions" >> beam.MapTuple(lambda number, lists: (number, [each for part in lists for each in part]))
        )


class _SumBlocks(beam.PTransform):
    def expand(self, blocks: beam.PCollection) -> beam.PCollection:
        keyed = blocks | "KeyByBlock" >> beam.Map(lambda block: block).with_output_types(tuple[BlockKey, Any])
        return keyed | "Add" >> beam.CombinePerKey(MergeParts(add, _stored_values))


def count_baselines(
    pipeline: beam.Pipeline,
    examples: str,
    folder: str,
    features: Sequence[Feature] = (),
    split: str = TRAIN,
    half_life_s: float | None = None,
) -> None:
    """Add the steps that read examples, count them and write the tables.

    Args:
        pipeline: the Beam pipeline; it runs later.
        examples: the folder of the splits.
        folder: the folder of the tables, see `components.baselines.tables`.
        features: further columns of the examples, see `CountBaselines`.
        split: the split that is counted: `TRAIN`, or `REFIT` if the examples have it.
        half_life_s: of the weights of interactions, see `recency_weights`.
    """
    names = dict.fromkeys((*SPLITS, split))  # a refit may train on items that are in no other example
    counting = CountBaselines(features, split, half_life_s)
    counts = pipeline | "FindFiles" >> FindFiles(examples, names) | "Count" >> counting
    scratch = f"{folder}/unfinished"
    blocks = counts["blocks"] | "WriteBlock" >> beam.Map(write_block, folder, scratch)
    sessions = counts["sessions"] | "WriteSessions" >> beam.Map(write_sessions, folder, scratch)
    written = AsIter((blocks, sessions) | "FilesWritten" >> beam.Flatten())
    _ = counts["items"] | "WriteItems" >> beam.Map(
        _write_last, folder, scratch, written, AsSingleton(counts["last_time_s"])
    )


def _read_file(named: tuple[str, str], features: Sequence[Feature], counted: str) -> Iterator[Any]:
    """Yield the items of a file, and if its split is counted, tagged, the times of the targets and the sequences."""
    split, file = named
    parts: list[ExampleColumns] = []
    for batch in read_example_batches([file]):
        columns = parse_examples(batch, features)
        yield collect_items(columns, features)
        if split == counted:
            yield TaggedOutput("times", count_times(columns))
            parts.append(columns)
            if sum(len(part.items) for part in parts) >= INTERACTIONS_AT_ONCE:
                yield TaggedOutput("sequences", join_sequences(parts))
                parts = []
    if parts:
        yield TaggedOutput("sequences", join_sequences(parts))


def _finish_block(block: Block, rows: Mapping[BlockKey, sparse.csr_matrix]) -> Block:
    """Return a block of `TRANSITIONS` as it is, and one of `NEIGHBOURS` for one of `COOCCURRENCES`."""
    return nearest_neighbours(block, rows[SEQUENCES, 0]) if block[0][0] == COOCCURRENCES else block


def _write_last(
    counts: ItemCounts, folder: str, scratch: str, _written: Iterable[str], last_time_s: int | None
) -> None:
    """Write the items, and remove what a retried worker left. It runs after all other files are written."""
    write_items(counts, folder, scratch, last_time_s)
    tf.io.gfile.rmtree(scratch)


def _item_counts(
    items: ItemFeatures,
    features: Sequence[Feature],
    rows: Mapping[BlockKey, sparse.csr_matrix],
    users: Mapping[BlockKey, sparse.csr_matrix],
) -> ItemCounts:
    sums = {**rows, **users}

    def row(name: str) -> Any:
        return sums[name, 0].toarray()[0] if (name, 0) in sums else np.zeros(len(items), np.int64)

    return ItemCounts(
        items=np.array([item.decode() for item in sorted(items)], dtype=object),
        interactions=row(INTERACTIONS),
        users=row(USERS),
        all_users=int(sums[ALL_USERS, 0][0, 0]) if (ALL_USERS, 0) in sums else 0,
        recent=row(RECENT) / FIXED_POINT_ONE,
        features=feature_columns(items, features),
    )


def _last_time_s(times: ValueCounts) -> int | None:
    return int(times[0][-1]) if len(times[0]) else None


def _stored_values(matrix: sparse.csr_matrix) -> int:
    return int(matrix.nnz)

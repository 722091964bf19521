"""The Beam pipeline that counts the baselines' tables and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsDict, AsIter, AsSingleton
from scipy import sparse

from components.baselines.batch_counts import (
    ALL_USERS,
    COOCCURRENCES,
    FIXED_POINT_ONE,
    INTERACTIONS,
    RECENT,
    SEQUENCES,
    TRANSITIONS,
    USERS,
    BlockKey,
    add,
    count_batch,
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
from components.common.example_batches import ReadBatches, split_pattern
from schemas.config.log import Feature
from schemas.features import SPLITS, TRAIN
from trainer.baselines.tables import ItemCounts


class CountBaselines(beam.PTransform):
    """Transform of batches of serialized examples to the counts of the baselines' `Tables`.

    Only one split is counted. The catalogue is the items of all splits. A worker
    holds the catalogue, a batch, and blocks of the sums.

    Args:
        features: further columns of the examples; those that belong to the item are kept in the tables.
        split: the split that is counted.

    Example:
        Count the examples of a folder, as `count_baselines` does::

            batches = {split: pipeline | split >> ReadBatches(split_pattern(folder, split)) for split in SPLITS}
            counts = batches | CountBaselines()
    """

    def __init__(self, features: Sequence[Feature] = (), split: str = TRAIN) -> None:
        super().__init__()
        self._split = split
        self._features = [feature for feature in features if feature.of == "item"]

    def expand(self, batches: Mapping[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """Count batches.

        Args:
            batches: by split, `Batch` elements.

        Returns:
            `items`, one `ItemCounts`; `last_time_s`, the time of the last target, or None; `blocks`, those of
            `TRANSITIONS` and `NEIGHBOURS` by key; and `sessions`, by the number of a part.
        """
        train = batches[self._split]
        items = (
            tuple(batches.values())
            | "AllSplits" >> beam.Flatten()
            | "CollectItems" >> beam.Map(collect_items, self._features)
            | "MergeItems" >> beam.CombineGlobally(MergeParts(merge_items))
        )
        index = AsSingleton(items | "IndexItems" >> beam.Map(index_items))
        times = (
            train
            | "CountTimes" >> beam.Map(count_times)
            | "MergeTimes" >> beam.CombineGlobally(MergeParts(merge_value_counts, count_distinct))
        )
        recency = AsSingleton(times | "RecencyWeights" >> beam.Map(recency_weights))
        counted = train | "CountBatch" >> beam.FlatMap(count_batch, index, recency).with_outputs(
            "sessions", "ends", "users", main="matrices"
        )
        users = (
            counted.users
            | "KeyByUsers" >> beam.Map(lambda group: group).with_output_types(tuple[int, Any])
            | "GroupUsers" >> beam.GroupByKey()
            | "CountUsers" >> beam.FlatMap(count_users, index)
            | "SumUsers" >> _SumBlocks()
        )
        # Users are summed separately because they come later: the counts of each batch would be kept until then.
        sums = counted.matrices | "SumBlocks" >> _SumBlocks()
        sequences = AsDict(sums | "Sequences" >> beam.Filter(_is_of, SEQUENCES))
        nearest = (
            sums
            | "Cooccurrences" >> beam.Filter(_is_of, COOCCURRENCES)
            | "Neighbours" >> beam.Map(nearest_neighbours, sequences)
        )
        transitions = sums | "Transitions" >> beam.Filter(_is_of, *TRANSITIONS)
        rows = (sums | "Rows" >> beam.Filter(_is_of, INTERACTIONS, RECENT), users) | "RowsAndUsers" >> beam.Flatten()
        return {
            "items": items | "ItemCounts" >> beam.Map(_item_counts, self._features, AsDict(rows)),
            "last_time_s": times | "LastTime" >> beam.Map(_last_time_s),
            "blocks": (transitions, nearest) | "Blocks" >> beam.Flatten(),
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
    pipeline: beam.Pipeline, examples: str, folder: str, features: Sequence[Feature] = (), split: str = TRAIN
) -> None:
    """Add the steps that read examples, count them and write the tables.

    Args:
        pipeline: the Beam pipeline; it runs later.
        examples: the folder of the splits.
        folder: the folder of the tables, see `components.baselines.tables`.
        features: further columns of the examples, see `CountBaselines`.
        split: the split that is counted: `TRAIN`, or `REFIT` if the examples have it.
    """
    names = dict.fromkeys((*SPLITS, split))  # a refit may train on items that are in no other example
    batches = {name: pipeline | f"Read-{name}" >> ReadBatches(split_pattern(examples, name)) for name in names}
    counts = batches | "Count" >> CountBaselines(features, split)
    scratch = f"{folder}/unfinished"
    blocks = counts["blocks"] | "WriteBlock" >> beam.Map(write_block, folder, scratch)
    sessions = counts["sessions"] | "WriteSessions" >> beam.Map(write_sessions, folder, scratch)
    written = AsIter((blocks, sessions) | "FilesWritten" >> beam.Flatten())
    _ = counts["items"] | "WriteItems" >> beam.Map(
        _write_last, folder, scratch, written, AsSingleton(counts["last_time_s"])
    )


def _write_last(
    counts: ItemCounts, folder: str, scratch: str, _written: Iterable[str], last_time_s: int | None
) -> None:
    """Write the items, and remove what a retried worker left. It runs after all other files are written."""
    write_items(counts, folder, scratch, last_time_s)
    tf.io.gfile.rmtree(scratch)


def _item_counts(
    items: ItemFeatures, features: Sequence[Feature], sums: Mapping[BlockKey, sparse.csr_matrix]
) -> ItemCounts:
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


def _is_of(block: tuple[BlockKey, Any], *names: str) -> bool:
    return block[0][0] in names


def _stored_values(matrix: sparse.csr_matrix) -> int:
    return int(matrix.nnz)

"""The Beam pipeline that counts the baselines' tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsDict, AsSingleton
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
    assemble,
    count_batch,
    count_times,
    count_users,
    nearest_neighbours,
    recency_weights,
)
from components.baselines.item_catalogue import ItemFeatures, collect_items, feature_columns, index_items, merge_items
from components.baselines.session_index import Session, merge_sessions, sessions_matrix
from components.baselines.tables import write_tables
from components.common.beam_combiners import MergeParts, count_distinct, merge_value_counts
from components.common.example_batches import ReadBatches, split_pattern
from schemas.config.log import Feature
from schemas.features import SPLITS, TRAIN
from trainer.baselines.tables import Tables


class CountBaselines(beam.PTransform):
    """Transform of batches of serialized examples to the baselines' `Tables`, one element.

    Only the training split is counted. The catalogue is the items of all
    splits. A worker holds a batch and its sums; the last step holds all tables.

    Args:
        features: further columns of the examples; those that belong to the item are kept in the tables.

    Example:
        Count the examples of a folder, as `count_baselines` does::

            batches = {split: pipeline | split >> ReadBatches(split_pattern(folder, split)) for split in SPLITS}
            tables = batches | CountBaselines()
    """

    def __init__(self, features: Sequence[Feature] = ()) -> None:
        super().__init__()
        self._features = [feature for feature in features if feature.of == "item"]

    def expand(self, batches: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """Count batches.

        Args:
            batches: by split, `Batch` elements.

        Returns:
            One `Tables`.
        """
        train = batches[TRAIN]
        items = (
            tuple(batches.values())
            | "AllSplits" >> beam.Flatten()
            | "CollectItems" >> beam.Map(collect_items, self._features)
            | "MergeItems" >> beam.CombineGlobally(MergeParts(merge_items))
        )
        index = AsSingleton(items | "IndexItems" >> beam.Map(index_items))
        weights = (
            train
            | "CountTimes" >> beam.Map(count_times)
            | "MergeTimes" >> beam.CombineGlobally(MergeParts(merge_value_counts, count_distinct))
            | "RecencyWeights" >> beam.Map(recency_weights)
        )
        counted = train | "CountBatch" >> beam.FlatMap(count_batch, index, AsSingleton(weights)).with_outputs(
            "sessions", "users", main="matrices"
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
        kept = (sums | "OtherSums" >> beam.Filter(_is_of, INTERACTIONS, RECENT, *TRANSITIONS), users, nearest)
        sessions = counted.sessions | "MergeSessions" >> beam.CombineGlobally(MergeParts(merge_sessions))
        return items | "Tables" >> beam.Map(
            _tables, self._features, AsDict(kept | "KeptSums" >> beam.Flatten()), AsSingleton(sessions)
        )


class _SumBlocks(beam.PTransform):
    def expand(self, blocks: beam.PCollection) -> beam.PCollection:
        keyed = blocks | "KeyByBlock" >> beam.Map(lambda block: block).with_output_types(tuple[BlockKey, Any])
        return keyed | "Add" >> beam.CombinePerKey(MergeParts(add, _stored_values))


def count_baselines(pipeline: beam.Pipeline, examples: str, folder: str, features: Sequence[Feature] = ()) -> None:
    """Add the steps that read examples, count them and write the tables.

    Args:
        pipeline: the Beam pipeline; it runs later.
        examples: the folder of the splits.
        folder: the folder of the tables, see `components.baselines.tables`.
        features: further columns of the examples, see `CountBaselines`.
    """
    batches = {split: pipeline | f"Read-{split}" >> ReadBatches(split_pattern(examples, split)) for split in SPLITS}
    _ = batches | "Count" >> CountBaselines(features) | "Write" >> beam.Map(_write, folder, f"{folder}/unfinished")


def _write(tables: Tables, folder: str, scratch: str) -> None:
    write_tables(tables, folder, scratch)
    tf.io.gfile.rmtree(scratch)


def _tables(
    items: ItemFeatures,
    features: Sequence[Feature],
    sums: Mapping[BlockKey, sparse.csr_matrix],
    sessions: list[Session],
) -> Tables:
    def row(name: str) -> Any:
        return sums[name, 0].toarray()[0] if (name, 0) in sums else np.zeros(len(items), np.int64)

    return Tables(
        items=np.array([item.decode() for item in sorted(items)], dtype=object),
        interactions=row(INTERACTIONS),
        users=row(USERS),
        all_users=int(sums[ALL_USERS, 0][0, 0]) if (ALL_USERS, 0) in sums else 0,
        recent=row(RECENT) / FIXED_POINT_ONE,
        features=feature_columns(items, features),
        transitions=[assemble(name, sums, len(items), np.int32) for name in TRANSITIONS],
        neighbours=assemble(COOCCURRENCES, sums, len(items), np.float64),
        sessions=sessions_matrix(sessions, len(items)),
    )


def _is_of(block: tuple[BlockKey, Any], *names: str) -> bool:
    return block[0][0] in names


def _stored_values(matrix: sparse.csr_matrix) -> int:
    return int(matrix.nnz)

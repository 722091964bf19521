"""Counting what the baselines recommend by: the steps, wired."""

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
    Key,
    add,
    assemble,
    count_batch,
    count_times,
    count_users,
    neighbours,
    recency,
)
from components.baselines.item_catalogue import ItemFeatures, describe_items, feature_columns, merge_items, number_items
from components.baselines.session_index import Session, merge_sessions, sessions_matrix
from components.baselines.tables import write_tables
from components.common.beam_combiners import MergeParts, count_distinct, merge_value_counts
from components.common.example_batches import ReadBatches, split_pattern
from schemas.config.log import Feature
from schemas.features import SPLITS, TRAIN
from trainer.baselines.recommenders import Tables


class CountBaselines(beam.PTransform):
    """From batches of serialized examples to the baselines' `Tables`, one element.

    Only the training split is counted; the catalogue is every item of all
    splits. A worker holds a batch, sums so far, and, at the end, the tables.

    Args:
        features: further columns of the examples; those that are the same wherever an item comes are kept with it.
    """

    def __init__(self, features: Sequence[Feature] = ()) -> None:
        super().__init__()
        self._features = [feature for feature in features if feature.of == "item"]

    def expand(self, batches: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """From `Batch` elements by split."""
        train = batches[TRAIN]
        items = (
            tuple(batches.values())
            | "AllSplits" >> beam.Flatten()
            | "DescribeItems" >> beam.Map(describe_items, self._features)
            | "MergeItems" >> beam.CombineGlobally(MergeParts(merge_items))
        )
        index = AsSingleton(items | "NumberItems" >> beam.Map(number_items))
        weights = (
            train
            | "CountTimes" >> beam.Map(count_times)
            | "MergeTimes" >> beam.CombineGlobally(MergeParts(merge_value_counts, count_distinct))
            | "Recency" >> beam.Map(recency)
        )
        counted = train | "CountBatch" >> beam.FlatMap(count_batch, index, AsSingleton(weights)).with_outputs(
            "sessions", "users", main="matrices"
        )
        users = (
            counted.users
            | "KeyByUsers" >> beam.Map(lambda group: group).with_output_types(tuple[int, Any])
            | "GroupUsers" >> beam.GroupByKey()
            | "CountUsers" >> beam.FlatMap(count_users, index)
            | "AddUsers" >> _AddUp()
        )
        # Not together with the users, which come later: each batch's counts would be kept until then.
        sums = counted.matrices | "AddUp" >> _AddUp()
        sequences = AsDict(sums | "Sequences" >> beam.Filter(_is_of, SEQUENCES))
        nearest = (
            sums | "Companions" >> beam.Filter(_is_of, COOCCURRENCES) | "Neighbours" >> beam.Map(neighbours, sequences)
        )
        kept = (sums | "OtherSums" >> beam.Filter(_is_of, INTERACTIONS, RECENT, *TRANSITIONS), users, nearest)
        sessions = counted.sessions | "MergeSessions" >> beam.CombineGlobally(MergeParts(merge_sessions))
        return items | "Tables" >> beam.Map(
            _tables, self._features, AsDict(kept | "KeptSums" >> beam.Flatten()), AsSingleton(sessions)
        )


class _AddUp(beam.PTransform):
    def expand(self, blocks: beam.PCollection) -> beam.PCollection:
        keyed = blocks | "KeyByBlock" >> beam.Map(lambda block: block).with_output_types(tuple[Key, Any])
        return keyed | "Add" >> beam.CombinePerKey(MergeParts(add, _stored))


def count_baselines(pipeline: beam.Pipeline, examples: str, folder: str, features: Sequence[Feature] = ()) -> None:
    """Adds the steps from examples to tables on a file system to a pipeline that has yet to run.

    Args:
        pipeline: the Beam pipeline.
        examples: the folder that holds the splits.
        folder: where the tables are written, see `components.baselines.tables`.
        features: as of `CountBaselines`.
    """
    batches = {split: pipeline | f"Read-{split}" >> ReadBatches(split_pattern(examples, split)) for split in SPLITS}
    _ = batches | "Count" >> CountBaselines(features) | "Write" >> beam.Map(_write, folder, f"{folder}/unfinished")


def _write(tables: Tables, folder: str, scratch: str) -> None:
    write_tables(tables, folder, scratch)
    tf.io.gfile.rmtree(scratch)


def _tables(
    items: ItemFeatures, features: Sequence[Feature], sums: Mapping[Key, sparse.csr_matrix], sessions: list[Session]
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


def _is_of(block: tuple[Key, Any], *names: str) -> bool:
    return block[0][0] in names


def _stored(matrix: sparse.csr_matrix) -> int:
    return int(matrix.nnz)

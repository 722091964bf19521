"""The work on one shard of the users: its files, and its interactions after cleaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pyarrow as pa

from components.example_gen.cleaning.long_shards import clean_by_time
from components.example_gen.cleaning.rules import clean, keep_frequent
from components.example_gen.counts.file_counts import FileCounts
from components.example_gen.interactions.spill import Shard, Spill, read_spill, shards
from components.example_gen.interactions.timelines import Timelines, build_timelines
from schemas.config.log import DataConfig
from schemas.features import UNITS
from schemas.interaction import interaction_schema

ROWS_PER_SHARD = 1_000_000
_LINE = 4  # the column of interactions that is quickest to read


class Work(NamedTuple):
    """A shard, and the files that have its rows among others."""

    shard: Shard
    interactions: Sequence[Spill]
    users: Sequence[Spill]  # rows of the table of users


def shard_work(interactions: Sequence[Spill], users: Sequence[Spill]) -> list[Work]:
    """Return the work of all shards.

    Args:
        interactions: the files with interactions.
        users: the files with rows of the table of users.
    """
    return [
        Work(shard, interactions, users) for shard in shards(sum(spill.rows for spill in interactions), ROWS_PER_SHARD)
    ]


def load_timelines(work: Work, data: DataConfig, rare: pa.Array) -> tuple[Timelines, FileCounts]:
    """Read the interactions of a shard, and leave out what the configuration says.

    Args:
        work: the shard.
        data: the rules, the minimum for users and the further columns.
        rare: the ids of the items that are left out.

    Returns:
        The rest, and the number of interactions left out by each rule, by file.
    """
    read = partial(_rows, work.interactions, work.shard)
    if data.cleaning.keep_last and _count_rows(work) > 2 * ROWS_PER_SHARD:
        cleaned, counts = clean_by_time(read, data, ROWS_PER_SHARD)
    else:
        cleaned, counts = clean(build_timelines(read(), interaction_schema(data.carried)), data)
    further = {name: column for name, column in cleaned.further.items() if name != UNITS}
    kept, below = keep_frequent(replace(cleaned, further=further), data, rare)
    return kept, counts + below


def _count_rows(work: Work) -> int:
    return sum(
        batch.num_rows for spill in work.interactions for batch in read_spill(spill, work.shard, columns=[_LINE])
    )


def rows_of_users(work: Work) -> Iterable[pa.RecordBatch]:
    """Return the rows of the table of users for a shard."""
    return _rows(work.users, work.shard)


def _rows(spills: Sequence[Spill], shard: Shard) -> Iterable[pa.RecordBatch]:
    return (batch for spill in spills for batch in read_spill(spill, shard))

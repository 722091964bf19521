"""What a batch of training examples adds to the baselines' tables, as sparse matrices of whole numbers."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from scipy import sparse

from components.baselines.session_index import session
from components.common.beam_combiners import ValueCounts
from components.common.example_batches import Batch, parse_examples
from trainer.baselines.recommenders import DISTANCES, NEIGHBOUR_ITEMS
from trainer.baselines.sparse_top_k import filter_entries, keep_top_k_per_row

# The tables: of these a row, and of these [items, items].
INTERACTIONS, USERS, RECENT, SEQUENCES = "interactions", "users", "recent", "sequences"
ALL_USERS = "all_users"  # of this one number
TRANSITIONS = tuple(f"transitions_{distance}" for distance in DISTANCES)
COOCCURRENCES = "companions"  # sequences that hold both items

Key = tuple[str, int]  # a table, and which of its blocks
Index = Mapping[bytes, int]  # item numbers by id

# The share of the interactions that halves the weight of what came before it: so the last tenth of a log has half of
# all weight, whether it took an hour or a year.
_HALVING = 0.1
FIXED_POINT_ONE = 2**32  # the weight of the newest: sums of whole numbers are the same in any order
_BLOCKS = 16  # of rows of a table, which different workers can add up
_USER_GROUPS = 64  # of users, which different workers can count


def count_times(batch: Batch) -> ValueCounts:
    """How many interactions there are at each time; the first of a sequence is not one: it is no target."""
    columns = parse_examples(batch)
    return np.unique(np.delete(columns.timestamps_s, columns.starts[:-1]), return_counts=True)


def recency(times: ValueCounts) -> ValueCounts:
    """Return the weight of each time, times `FIXED_POINT_ONE`: half for each tenth that came after."""
    seconds, counts = times
    after = counts.sum() - np.cumsum(counts)
    return seconds, np.round(FIXED_POINT_ONE * 0.5 ** (after / (_HALVING * max(counts.sum(), 1)))).astype(np.int64)


def count_batch(batch: Batch, index: Index, weights: ValueCounts) -> Iterator[Any]:
    """Parts of the tables, by `Key`; and tagged, `users`, by group, for `count_users`, and `sessions`.

    Args:
        batch: training examples.
        index: of all items.
        weights: of `recency`.
    """
    columns = parse_examples(batch)
    starts, lengths = columns.starts, np.diff(columns.starts)
    items = np.fromiter(map(index.__getitem__, columns.item_ids), np.int64, len(columns.item_ids))
    row = np.repeat(np.arange(len(lengths)), lengths)
    targets = np.delete(items, starts[:-1])
    weight = weights[1][np.searchsorted(weights[0], np.delete(columns.timestamps_s, starts[:-1]))]
    yield (INTERACTIONS, 0), as_row(targets, np.ones_like(targets), len(index))
    yield (RECENT, 0), as_row(targets, weight, len(index))
    for name, distance in zip(TRANSITIONS, DISTANCES, strict=True):
        within = row[:-distance] == row[distance:]
        yield from _in_blocks(name, _tally(items[:-distance][within], items[distance:][within], (len(index),) * 2))

    holds = _tally(row, items, (len(lengths), len(index)))
    holds.data[:] = 1
    yield (SEQUENCES, 0), as_row(holds.indices, np.ones_like(holds.indices), len(index))
    yield from _in_blocks(COOCCURRENCES, (holds.T @ holds).tocsr())
    distinct = np.split(holds.indices, holds.indptr[1:-1])
    ends_s = columns.timestamps_s[starts[1:] - 1]
    yield beam.pvalue.TaggedOutput("sessions", list(map(session, ends_s.tolist(), distinct)))
    groups = defaultdict(list)
    for user, each in zip(columns.user_ids, distinct, strict=True):
        groups[zlib.crc32(user) % _USER_GROUPS].append((user, each))  # crc32, unlike hash(), is the same everywhere
    yield from (beam.pvalue.TaggedOutput("users", group) for group in groups.items())


def count_users(
    group: tuple[int, Iterable[list[tuple[bytes, npt.NDArray[np.int32]]]]], index: Index
) -> Iterator[tuple[Key, sparse.csr_matrix]]:
    """How many of a group's users have each item, and how many users these are."""
    of_user = defaultdict(list)
    for part in group[1]:
        for user, items in part:
            of_user[user].append(items)
    items = np.concatenate([np.unique(np.concatenate(parts)) for parts in of_user.values()])
    yield (USERS, 0), as_row(items, np.ones_like(items), len(index))
    yield (ALL_USERS, 0), sparse.csr_matrix([[len(of_user)]], dtype=np.int64)


def add(matrices: Sequence[sparse.csr_matrix]) -> sparse.csr_matrix:
    """The sum of at least one."""
    return sum(matrices[1:], matrices[0])


def neighbours(
    block: tuple[Key, sparse.csr_matrix], rows: Mapping[Key, sparse.csr_matrix]
) -> tuple[Key, sparse.csr_matrix]:
    """From a block of `COOCCURRENCES` to the highest cosines of each item's and others' sets of sequences."""
    (_, number), companions = block
    sequences = rows[SEQUENCES, 0].toarray()[0].astype(np.int64)
    first = number * _block_rows(len(sequences))
    items = first + np.repeat(np.arange(companions.shape[0]), np.diff(companions.indptr))
    others = companions.indices
    cosines = companions.data / np.sqrt(sequences[items] * sequences[others])
    matrix = sparse.csr_matrix((cosines, others, companions.indptr), companions.shape)
    nearest = keep_top_k_per_row(filter_entries(matrix, others != items), NEIGHBOUR_ITEMS)
    nearest.sort_indices()
    return block[0], nearest


def assemble(name: str, blocks: Mapping[Key, sparse.csr_matrix], items: int, kind: type) -> sparse.csr_matrix:
    """A table [items, items] from its blocks; where there is none, nothing was counted."""
    rows = _block_rows(items)
    heights = [min(rows, items - first) for first in range(0, items, rows)]
    parts = [
        blocks.get((name, number), sparse.csr_matrix((height, items), dtype=kind))
        for number, height in enumerate(heights)
    ]
    return sparse.vstack(parts, format="csr", dtype=kind)


def as_row(columns: npt.NDArray[Any], counts: npt.NDArray[Any], width: int) -> sparse.csr_matrix:
    """Counts added up by column, int64 [1, width]."""
    return sparse.coo_matrix((counts.astype(np.int64), (np.zeros_like(columns), columns)), (1, width)).tocsr()


def _tally(rows: npt.NDArray[Any], columns: npt.NDArray[Any], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.coo_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape).tocsr()


def _in_blocks(name: str, matrix: sparse.csr_matrix) -> Iterator[tuple[Key, sparse.csr_matrix]]:
    rows = _block_rows(matrix.shape[0])
    for number, first in enumerate(range(0, matrix.shape[0], rows)):
        block = matrix[first : first + rows]
        if block.nnz:
            yield (name, number), block


def _block_rows(items: int) -> int:
    return max(-(-items // _BLOCKS), 1)

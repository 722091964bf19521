"""The counts of a part of the training examples, as sparse matrices of integers."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from apache_beam.pvalue import TaggedOutput
from scipy import sparse

from components.baselines.session_index import Session, recent_sessions, session
from components.common.beam_combiners import ValueCounts
from components.common.example_batches import ExampleColumns
from trainer.baselines import constants
from trainer.baselines.constants import DISTANCES
from trainer.baselines.sparse_top_k import filter_entries, keep_top_k_per_row

INTERACTIONS, USERS, RECENT, SEQUENCES = "interactions", "users", "recent", "sequences"  # tables [1, items]
TRANSITIONS = tuple(f"transitions_{distance}" for distance in DISTANCES)  # tables [items, items]
COOCCURRENCES = "cooccurrences"  # a table [items, items]: the number of sequences that hold both items
NEIGHBOURS = "neighbours"  # a table [items, items]: the highest cosines
ALL_USERS = "all_users"  # a table [1, 1]

BlockKey = tuple[str, int]  # the name of a table, and the number of one of its blocks
Block = tuple[BlockKey, sparse.csr_matrix]  # its rows, or a part of their counts
ItemIndex = Mapping[bytes, int]  # by id

# The last tenth of a log has half of all weight, no matter whether it took an hour or a year.
_HALVING_FRACTION = 0.1  # of the interactions; so many later ones halve the weight of an interaction
FIXED_POINT_ONE = 2**32  # the weight of the newest interaction; sums of integers are the same in any order
# Different workers can sum the blocks of a table, count the groups of users, and write the parts of the sessions.
_MOST_BLOCKS, _LEAST_BLOCK_ROWS = 64, 4_096
_INTERACTIONS_OF_USER_GROUP, _INTERACTIONS_OF_SESSION_PART = 100_000, 10_000_000
_MOST_PAIRS = 2**26  # of items that are counted at once; their counts take 8 bytes each
_MOST_COSINES = 2**17  # that are compared at once; they fit into a processor's cache


class Recency(NamedTuple):
    """The weight of an interaction by its time."""

    times_s: npt.NDArray[Any]  # distinct, ascending
    weights: npt.NDArray[np.int64]  # in multiples of 1 / `FIXED_POINT_ONE`
    interactions: int  # the number of all training targets


def count_times(columns: ExampleColumns) -> ValueCounts:
    """Count the training targets at each time: every interaction except the first of each sequence.

    Args:
        columns: training examples.

    Returns:
        The distinct times in seconds, ascending, and the number of targets at each.
    """
    return np.unique(np.delete(columns.timestamps_s, columns.starts[:-1]), return_counts=True)


def recency_weights(times: ValueCounts, half_life_s: float | None = None) -> Recency:
    """Return the weight of an interaction at each time.

    The weight is halved for each tenth of all interactions that came later, or for each half-life until the newest
    interaction. After 32 half-lives it is 0.

    Args:
        times: the numbers of interactions by time, as `count_times` returns them.
        half_life_s: the half-life in the unit of the times; None for the later tenths.

    Returns:
        The weights.
    """
    times_s, counts = times
    all_counts = int(counts.sum())
    if half_life_s is None:
        halvings = (all_counts - np.cumsum(counts)) / (_HALVING_FRACTION * max(all_counts, 1))
    else:
        halvings = (times_s[-1:] - times_s) / half_life_s
    weights = 0.5**halvings
    return Recency(times_s, np.round(FIXED_POINT_ONE * weights).astype(np.int64), all_counts)


def count_sequences(columns: ExampleColumns, index: ItemIndex, recency: Recency) -> Iterator[Any]:
    """Yield a part of each table.

    Args:
        columns: training examples.
        index: the index of every item.
        recency: the weights by time.

    Yields:
        A `Block` of each table of pairs; tagged `rows`, one of each table with one row; tagged `users`, the items of
        each user, in groups for `count_users`; tagged `sessions`, a list of the sequences; tagged `ends`, the ends of
        the sequences by item, in blocks for `latest_ends`.
    """
    starts, lengths = columns.starts, np.diff(columns.starts)
    items = np.fromiter(map(index.__getitem__, columns.ids), np.int64, len(columns.ids))[columns.items]
    row = np.repeat(np.arange(len(lengths)), lengths)
    targets = np.delete(items, starts[:-1])
    weight = recency.weights[np.searchsorted(recency.times_s, np.delete(columns.timestamps_s, starts[:-1]))]
    yield _tagged_row(INTERACTIONS, targets, np.ones_like(targets), len(index))
    yield _tagged_row(RECENT, targets, weight, len(index))
    for name, distance in zip(TRANSITIONS, DISTANCES, strict=True):
        within = row[:-distance] == row[distance:]
        yield from _blocks(name, _count_pairs(items[:-distance][within], items[distance:][within], (len(index),) * 2))

    holds = _count_pairs(row, items, (len(lengths), len(index)))
    holds.data[:] = 1
    yield _tagged_row(SEQUENCES, holds.indices, np.ones_like(holds.indices), len(index))
    for part in _divide(holds):
        yield from _blocks(COOCCURRENCES, (part.T @ part).tocsr())
    distinct = np.split(holds.indices, holds.indptr[1:-1])
    ends_s = columns.timestamps_s[starts[1:] - 1]
    yield TaggedOutput("sessions", list(map(session, ends_s.tolist(), distinct)))
    by_block = holds.indices // _block_rows(len(index))
    ends_of_items = np.repeat(ends_s, np.diff(holds.indptr))
    for number in np.unique(by_block):
        of_block = by_block == number
        ends = (holds.indices[of_block].astype(np.int64), ends_of_items[of_block])
        yield TaggedOutput("ends", (int(number), ends))
    groups = defaultdict(list)
    for user, user_items in zip(columns.user_ids, distinct, strict=True):
        # crc32 is the same in every process, unlike hash().
        number = zlib.crc32(user) % (1 + recency.interactions // _INTERACTIONS_OF_USER_GROUP)
        # Beam pickles each array on its own, but not bytes.
        groups[number].append((user, user_items.astype(np.int32).tobytes()))
    yield from (TaggedOutput("users", group) for group in groups.items())


def keep_recent_sessions(
    sessions: Sequence[Session], earliest: npt.NDArray[np.int64], recency: Recency
) -> Iterator[tuple[int, list[Session]]]:
    """Yield the sessions of a batch that are recent for one of their items, by the part that will hold them.

    Args:
        sessions: the sequences of a batch.
        earliest: see `recent_sessions`.
        recency: the number of interactions.

    Yields:
        The number of a part, and its sessions.
    """
    parts = defaultdict(list)
    for each in recent_sessions(sessions, earliest):
        parts[zlib.crc32(each[1]) % (1 + recency.interactions // _INTERACTIONS_OF_SESSION_PART)].append(each)
    yield from parts.items()


def count_users(group: tuple[int, Iterable[list[tuple[bytes, bytes]]]], index: ItemIndex) -> Iterator[Block]:
    """Yield the number of a group's users with each item, and the number of its users.

    Args:
        group: the group's number, and lists of users with the items of a sequence, the bytes of int32.
        index: the index of every item.

    Yields:
        A block of `USERS`, and one of `ALL_USERS`.
    """
    items_of_user = defaultdict(list)
    for part in group[1]:
        for user, stored in part:
            items_of_user[user].append(stored)
    items = np.concatenate([np.unique(np.frombuffer(b"".join(parts), np.int32)) for parts in items_of_user.values()])
    yield (USERS, 0), as_row(items, np.ones_like(items), len(index))
    yield (ALL_USERS, 0), sparse.csr_matrix([[len(items_of_user)]], dtype=np.int64)


def add(matrices: Sequence[sparse.csr_matrix]) -> sparse.csr_matrix:
    """Return the sum of one or more matrices."""
    return sum(matrices[1:], matrices[0])


def nearest_neighbours(block: Block, sequence_counts: sparse.csr_matrix) -> Block:
    """Return the highest cosines between the sets of sequences of each item and of other items.

    Args:
        block: a block of `COOCCURRENCES`.
        sequence_counts: the table `SEQUENCES`.

    Returns:
        The key of the block of `NEIGHBOURS`, with at most `constants.NEIGHBOUR_ITEMS` cosines in a row.
    """
    (_, number), cooccurrences = block
    sequences = sequence_counts.toarray()[0].astype(np.int64)
    first = number * _block_rows(len(sequences))
    cuts = np.searchsorted(cooccurrences.indptr, np.arange(0, cooccurrences.nnz, _MOST_COSINES))
    bounds = np.unique([*cuts, cooccurrences.shape[0]])
    parts = [_nearest(cooccurrences[start:end], first + start, sequences) for start, end in pairwise(bounds)]
    nearest = sparse.vstack(parts, format="csr")
    nearest.sort_indices()
    return (NEIGHBOURS, number), nearest


def _nearest(cooccurrences: sparse.csr_matrix, first: int, sequences: npt.NDArray[np.int64]) -> sparse.csr_matrix:
    """Return the highest cosines of some items, of which `first` has the lowest index."""
    items = first + np.repeat(np.arange(cooccurrences.shape[0]), np.diff(cooccurrences.indptr))
    others = cooccurrences.indices
    cosines = cooccurrences.data / np.sqrt(sequences[items] * sequences[others])
    matrix = sparse.csr_matrix((cosines, others, cooccurrences.indptr), cooccurrences.shape)
    return keep_top_k_per_row(filter_entries(matrix, others != items), constants.NEIGHBOUR_ITEMS)


def assemble(
    name: str, blocks: Mapping[BlockKey, sparse.csr_matrix], item_count: int, dtype: type
) -> sparse.csr_matrix:
    """Return a table from its blocks; a block that is missing has no counts.

    Args:
        name: the table.
        blocks: by key, also those of other tables.
        item_count: the number of items.
        dtype: the type of the table's values.

    Returns:
        [item_count, item_count].
    """
    rows = _block_rows(item_count)
    heights = [min(rows, item_count - first) for first in range(0, item_count, rows)]
    parts = [
        blocks.get((name, number), sparse.csr_matrix((height, item_count), dtype=dtype))
        for number, height in enumerate(heights)
    ]
    return sparse.vstack(parts, format="csr", dtype=dtype)


def as_row(columns: npt.NDArray[Any], counts: npt.NDArray[Any], width: int) -> sparse.csr_matrix:
    """Return the sums of counts by column, int64 [1, width].

    Args:
        columns: the column of each count.
        counts: as many integers.
        width: the number of columns.

    Returns:
        int64 [1, width].
    """
    if len(columns) < width:  # a row of few counts, which are sorted
        return sparse.coo_matrix((counts.astype(np.int64), (np.zeros_like(columns), columns)), (1, width)).tocsr()
    sums = np.zeros(width, np.int64)
    np.add.at(sums, columns, counts.astype(np.int64))
    return sparse.csr_matrix(sums)


def _tagged_row(name: str, columns: npt.NDArray[Any], counts: npt.NDArray[Any], width: int) -> TaggedOutput:
    return TaggedOutput("rows", ((name, 0), as_row(columns, counts, width)))


def _count_pairs(rows: npt.NDArray[Any], columns: npt.NDArray[Any], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.coo_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape).tocsr()


def _divide(holds: sparse.csr_matrix) -> Iterator[sparse.csr_matrix]:
    """Yield parts of the sequences whose pairs of items are not too many."""
    pairs = np.cumsum(np.diff(holds.indptr).astype(np.int64) ** 2)
    cuts = np.searchsorted(pairs, np.arange(0, pairs[-1], _MOST_PAIRS)) if holds.shape[1] ** 2 > _MOST_PAIRS else [0]
    for start, end in pairwise(np.unique([*cuts, holds.shape[0]])):
        yield holds[start:end]


def _blocks(name: str, matrix: sparse.csr_matrix) -> Iterator[Block]:
    rows = _block_rows(matrix.shape[0])
    for number, first in enumerate(range(0, matrix.shape[0], rows)):
        block = matrix[first : first + rows]
        if block.nnz:
            yield (name, number), block


def _block_rows(item_count: int) -> int:
    return max(-(-item_count // _MOST_BLOCKS), _LEAST_BLOCK_ROWS)

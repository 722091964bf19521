"""What counting alone knows of a log: which items follow, precede and accompany each other in the training split.

The tables are made in NumPy and looked up in TensorFlow, as constants of the
model. A table scores a candidate by the sum, over the most recent items of
the history, of the pair's number times a weight that falls with the item's age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from schemas.features import PADDING_ID

MAX_NEIGHBOURS = 200  # of an item in a table: the highest ones
SUGGESTED = 50  # of a table's partners of an item, and of popular items, that become candidates
_SUGGESTING = 3  # of the history's last items, the number whose partners do
_LOG_SMOOTHING = 0.3  # what no count amounts to, in mean counts; keeps the logarithm finite
_KNN_ITEMS = 1_000  # rows of the similarity matrix made at once

Ages = npt.NDArray[np.float32]
Counts = npt.NDArray[Any]  # [1 + items], how popular each is, in any unit


class CooccurrenceTable(NamedTuple):
    """A sparse matrix of numbers for pairs of items, and the weights of the history's items by age."""

    pairs: sparse.csr_matrix  # float32 [1 + items, 1 + items]
    ages: Ages  # the weight of the last item, the one before it, ...


def count_cooccurrences(sequences: Sequence[npt.NDArray[np.int64]], item_count: int) -> dict[str, CooccurrenceTable]:
    """The tables of a training split.

    - `markov`: transitions at distance 1, 2 and 3, weighted by 1 / distance
    - `followers`: at distance 1, for the last item alone
    - `window`: at distances 1 to 10
    - `predecessors`: `markov` with the arrows turned
    - `neighbours`: the cosine of the sets of sequences that two items are in
      (item-kNN; Sarwar et al. 2001)

    Of equal numbers, those of the more popular items are kept.

    Args:
        sequences: ids in the order of time.
        item_count: ids are 1..item_count.
    """
    popular = np.bincount(_joined(list(sequences)), minlength=1 + item_count)
    near = [_transitions(sequences, item_count, distance) for distance in range(1, 11)]
    markov = near[0] + near[1] / 2.0 + near[2] / 3.0
    of_three = np.array([1.0, 1.0 / 2.0, 1.0 / 3.0], np.float32)
    return {
        "markov": CooccurrenceTable(_highest(markov, popular), of_three),
        "followers": CooccurrenceTable(_highest(near[0], popular), np.ones(1, np.float32)),
        "window": CooccurrenceTable(_highest(sum(near[1:], near[0]), popular), geometric_decay(0.8, 12)),
        "predecessors": CooccurrenceTable(_highest(markov.T.tocsr(), popular), of_three),
        "neighbours": CooccurrenceTable(_cosines(sequences, item_count, popular), geometric_decay(0.9, 30)),
    }


class CooccurrenceScorer(tf.Module):
    """Scores of candidates by tables and by popularity, and the candidates that these suggest.

    Args:
        tables: of `count_cooccurrences`.
        shares: float32 [items], each item's share of the targets.
        recent_popularity: float32 [items], the same in any unit where older ones count less.
        suggest: names of tables and of popularities whose highest are suggested.
    """

    def __init__(
        self,
        tables: dict[str, CooccurrenceTable],
        shares: npt.NDArray[np.float32],
        recent_popularity: npt.NDArray[np.float32],
        suggest: Sequence[str],
    ) -> None:
        super().__init__()
        self._tables = [_Lookup(table) for table in tables.values()]
        popular = {"popularity": shares, "recent_popularity": recent_popularity / max(recent_popularity.sum(), 1e-9)}
        of_items = np.stack(list(popular.values()), axis=1) * len(shares)
        logarithms = np.log(np.concatenate([np.zeros((1, len(popular))), of_items]) + _LOG_SMOOTHING).astype(np.float32)
        self._popularity = tf.Variable(logarithms, trainable=False)  # [1 + items, 2]
        partners = [_top(tables[name].pairs, SUGGESTED, np.append(0.0, shares)) for name in suggest if name in tables]
        self._partners = [tf.Variable(some.astype(np.int32), trainable=False) for some in partners]
        highest = [_most_popular(popular[name], SUGGESTED) for name in suggest if name in popular]
        self._popular = tf.constant(np.concatenate([np.zeros(0, np.int64), *highest]))
        self.names = [*tables, *popular]

    def features(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Logarithms of the scores, in mean scores.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.
            candidate_ids: int64 [batch, c].

        Returns:
            float32 [batch, c, names].
        """
        # Every candidate of every history has a key of its own, so that all histories are searched at once.
        first_keys = tf.range(tf.shape(candidate_ids, tf.int64)[0]) * self._popularity.shape[0]
        keys = first_keys[:, tf.newaxis] + candidate_ids
        ordered = tf.concat([tf.reshape(tf.sort(keys, axis=1), [-1]), [tf.int64.max]], axis=0)
        scores = tf.stack([table.scores(item_ids, first_keys, ordered) for table in self._tables], axis=-1)
        scores = tf.gather(scores, tf.searchsorted(ordered, tf.reshape(keys, [-1])))
        scores = tf.reshape(scores, [*tf.unstack(tf.shape(keys)), len(self._tables)])
        return tf.concat([scores, tf.gather(self._popularity, candidate_ids)], axis=-1)

    def suggest(self, item_ids: tf.Tensor) -> tf.Tensor:
        """The last items' highest partners, and what is popular: int64 [batch, n]; 0 for none, some twice."""
        batch, last = tf.shape(item_ids)[0], recent(item_ids, _SUGGESTING)
        partners = [tf.reshape(tf.gather(some, last), [batch, _SUGGESTING * SUGGESTED]) for some in self._partners]
        popular = tf.tile(self._popular[tf.newaxis], [batch, 1])
        return tf.concat([*(tf.cast(some, tf.int64) for some in partners), popular], axis=1)


class _Lookup(tf.Module):
    """A table by rows: what is found of a history costs as much as its items have partners, whatever the catalogue."""

    def __init__(self, table: CooccurrenceTable) -> None:
        super().__init__()
        pairs = table.pairs
        self._ends = tf.Variable(pairs.indptr.astype(np.int64), trainable=False)  # [2 + items]
        self._partners = tf.Variable(pairs.indices.astype(np.int32), trainable=False)
        self._numbers = tf.Variable(pairs.data.astype(np.float32), trainable=False)
        self._ages = tf.constant(table.ages)
        mean = table.ages.sum() * pairs.sum() / pairs.shape[1] ** 2
        self._mean = float(mean) or 1.0

    def scores(self, item_ids: tf.Tensor, first_keys: tf.Tensor, ordered: tf.Tensor) -> tf.Tensor:
        """Logarithms of the scores of keys.

        Args:
            item_ids: int64 [batch, length].
            first_keys: int64 [batch], of each history; its item i has the i-th key after it.
            ordered: int64 [n], ascending, the last one no item's.

        Returns:
            float32 [n], of equal keys that of the first.
        """
        newest = self._ages.shape[0]
        items = tf.reshape(recent(item_ids, newest), [-1])
        entries = tf.ragged.range(tf.gather(self._ends, items), tf.gather(self._ends, items + 1))
        of_item, entries = entries.value_rowids(), entries.flat_values
        keys = tf.gather(tf.repeat(first_keys, newest), of_item) + tf.cast(tf.gather(self._partners, entries), tf.int64)
        weights = tf.gather(tf.tile(self._ages, tf.shape(first_keys)), of_item)
        places = tf.searchsorted(ordered, keys)
        found = tf.gather(ordered, places) == keys
        numbers = tf.where(found, weights * tf.gather(self._numbers, entries), 0.0)
        sums = tf.math.unsorted_segment_sum(numbers, places, tf.size(ordered))
        return tf.math.log(sums / self._mean + _LOG_SMOOTHING)


def recent(item_ids: tf.Tensor, count: int) -> tf.Tensor:
    """The last items of each history, newest first, int64 [batch, count]; 0 where there are fewer."""
    length = tf.reduce_sum(tf.cast(item_ids != PADDING_ID, tf.int32), axis=1, keepdims=True)
    places = length - 1 - tf.range(count)
    found = tf.gather(item_ids, tf.maximum(places, 0), batch_dims=1)
    return tf.where(places >= 0, found, PADDING_ID)


def _transitions(sequences: Sequence[npt.NDArray[np.int64]], item_count: int, distance: int) -> sparse.csr_matrix:
    before = _joined([items[:-distance] for items in sequences if len(items) > distance])
    after = _joined([items[distance:] for items in sequences if len(items) > distance])
    return sparse.coo_matrix((np.ones(len(before), np.float32), (before, after)), (1 + item_count,) * 2).tocsr()


def _cosines(sequences: Sequence[npt.NDArray[np.int64]], item_count: int, popular: Counts) -> sparse.csr_matrix:
    distinct = [np.unique(items) for items in sequences]
    rows, columns = np.repeat(np.arange(len(distinct)), [len(items) for items in distinct]), _joined(distinct)
    shape = (len(distinct), 1 + item_count)
    holds = sparse.coo_matrix((np.ones(len(columns), np.float32), (rows, columns)), shape).tocsr()
    holds = holds @ sparse.diags(1.0 / np.sqrt(np.maximum(np.asarray(holds.sum(axis=0)).ravel(), 1.0)))
    blocks = []
    for start in range(0, 1 + item_count, _KNN_ITEMS):
        block = (holds[:, start : start + _KNN_ITEMS].T @ holds).tocoo()
        other = block.row + start != block.col  # an item is no neighbour of its own
        block = sparse.coo_matrix((block.data[other], (block.row[other], block.col[other])), block.shape)
        blocks.append(_highest(block.tocsr(), popular))
    return sparse.vstack(blocks).tocsr()


def _joined(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _highest(pairs: sparse.csr_matrix, popular: Counts) -> sparse.csr_matrix:
    """Keeps the highest numbers of each row."""
    rows, columns, values, place = _ranked(pairs, popular)
    kept = place < MAX_NEIGHBOURS
    return sparse.coo_matrix((values[kept], (rows[kept], columns[kept])), pairs.shape).tocsr()


def _top(pairs: sparse.csr_matrix, count: int, popular: Counts) -> npt.NDArray[np.int64]:
    """The columns of the highest numbers of each row, [rows, count], highest first; 0 where there are fewer."""
    rows, columns, _, place = _ranked(pairs, popular)
    kept = place < count
    top = np.zeros((pairs.shape[0], count), np.int64)
    top[rows[kept], place[kept]] = columns[kept]
    return top


def _most_popular(numbers: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    """The ids of the items with the highest numbers above 0, highest first; `numbers` is [items]."""
    highest = np.argsort(-numbers, kind="stable")[:count]
    return 1 + highest[numbers[highest] > 0]


def _ranked(pairs: sparse.csr_matrix, popular: Counts) -> tuple[npt.NDArray[Any], ...]:
    """Rows, columns, numbers and places in the row: the highest number first, of equal ones the more popular column."""
    entries = pairs.tocoo()
    order = np.lexsort((entries.col, -popular[entries.col], -entries.data, entries.row))
    rows = entries.row[order]
    return rows, entries.col[order], entries.data[order], np.arange(len(rows)) - pairs.indptr[rows]


def geometric_decay(rate: float, count: int) -> Ages:
    """Return the weights 1, rate, rate^2, ..., float32 [count]."""
    return (rate ** np.arange(count)).astype(np.float32)

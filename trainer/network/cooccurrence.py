"""Co-occurrence features: which items follow, precede and accompany each other in the training split.

NumPy counts the tables. TensorFlow looks them up, as constants of the model. A
table scores a candidate by a sum over the most recent items of the history: the
value of the pair, times a weight that falls with the item's age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from schemas.features import PADDING_ID
from serving.export.per_item import per_item_variable
from trainer.baselines import constants
from trainer.baselines.constants import DISTANCE_WEIGHTS, DISTANCES, KNN_RECENCY_WEIGHTS

EXTRA_CANDIDATES = 50  # the number of an item's neighbours, and of popular items, that become candidates
_RECENT_ITEMS = 3  # the number of a history's last items whose neighbours become candidates
_WINDOW = 10  # the greatest distance in the table `window`
_LOG_SMOOTHING = 0.3  # in mean scores; keeps the logarithm of 0 finite
_KNN_ROWS = 1_000  # of the similarity matrix, computed at once

Weights = npt.NDArray[np.float32]
ItemPopularity = npt.NDArray[Any]  # [1 + items], in any unit


class CooccurrenceTable(NamedTuple):
    """A sparse matrix of values for pairs of items, and the weights of a history's items by age."""

    pairs: sparse.csr_matrix  # [1 + items, 1 + items]
    recency_weights: Weights  # [n], the weight of the last item, the one before it, ...


def count_cooccurrences(sequences: Sequence[npt.NDArray[np.int64]], item_count: int) -> dict[str, CooccurrenceTable]:
    """Count the co-occurrence tables of a training split.

    - `markov`: transitions at distance 1, 2 and 3, weighted by 1 / distance
    - `followers`: transitions at distance 1, for the last item only
    - `window`: transitions at distances 1 to 10
    - `predecessors`: the transpose of `markov`
    - `neighbours`: the cosine of the sets of sequences that two items are in (item-kNN; Sarwar et al. 2001)

    Each item keeps its `constants.MAX_NEIGHBOURS` highest values in a table. Of equal values, those of the more
    popular items are kept.

    All of this is in memory. The peak is measured: 140 bytes for each interaction where most pairs repeat (3,000
    items), 1,100 bytes where nearly all pairs are distinct (200,000 items). The final tables need at most 200 x 48
    bytes for each item.

    Args:
        sequences: item ids in the order of time, from 1 to `item_count`.
        item_count: the number of items.

    Returns:
        The tables by name.
    """
    popularity = np.bincount(_concatenate(list(sequences)), minlength=1 + item_count)
    transitions = [_transitions(sequences, item_count, distance) for distance in range(1, 1 + _WINDOW)]
    markov = sum((transitions[distance - 1] / distance for distance in DISTANCES[1:]), transitions[0])
    markov_weights = DISTANCE_WEIGHTS.astype(np.float32)
    window = sum(transitions[1:], transitions[0])
    return {
        "markov": CooccurrenceTable(_keep_highest(markov, popularity), markov_weights),
        "followers": CooccurrenceTable(_keep_highest(transitions[0], popularity), np.ones(1, np.float32)),
        "window": CooccurrenceTable(_keep_highest(window, popularity), geometric_decay(0.8, 12)),
        "predecessors": CooccurrenceTable(_keep_highest(markov.T.tocsr(), popularity), markov_weights),
        "neighbours": CooccurrenceTable(
            _cosines(sequences, item_count, popularity), KNN_RECENCY_WEIGHTS.astype(np.float32)
        ),
    }


class CooccurrenceScorer(tf.Module):
    """Scores of candidates by co-occurrence and popularity, and further candidates with high scores.

    Args:
        tables: the tables of `count_cooccurrences`.
        target_fractions: float32 [items], the fraction of the training targets that are each item.
        recent_popularity: float32 [items], popularity where older interactions count less, in any unit.
        candidate_sources: the names of tables and of popularities that give further candidates.
    """

    def __init__(
        self,
        tables: dict[str, CooccurrenceTable],
        target_fractions: npt.NDArray[np.float32],
        recent_popularity: npt.NDArray[np.float32],
        candidate_sources: Sequence[str],
    ) -> None:
        super().__init__()
        self._tables = [_TableLookup(table, name) for name, table in tables.items()]
        popularities = {
            "popularity": target_fractions,
            "recent_popularity": recent_popularity / max(recent_popularity.sum(), 1e-9),
        }
        relative = np.stack(list(popularities.values()), axis=1) * len(target_fractions)
        relative = np.concatenate([np.zeros((1, len(popularities))), relative])
        logarithms = np.log(relative + _LOG_SMOOTHING).astype(np.float32)
        self._popularity = per_item_variable(logarithms, "popularities", "mean")  # [1 + items, 2]
        item_popularity = np.append(0.0, target_fractions)
        neighbours = [
            _top_columns(tables[name].pairs, EXTRA_CANDIDATES, item_popularity)
            for name in candidate_sources
            if name in tables
        ]
        self._neighbours = [
            per_item_variable(table.astype(np.int32), "top_neighbours", "nearest") for table in neighbours
        ]
        highest = [
            _most_popular(popularities[name], EXTRA_CANDIDATES) for name in candidate_sources if name in popularities
        ]
        self._popular = tf.constant(np.concatenate([np.zeros(0, np.int64), *highest]))
        self.names = [*tables, *popularities]

    def features(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Return the logarithms of the scores, in multiples of the mean score.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.
            candidate_ids: int64 [batch, c].

        Returns:
            float32 [batch, c, names].
        """
        # Every candidate of every history has its own key, so that one search finds those of all histories.
        first_keys = tf.range(tf.shape(candidate_ids, tf.int64)[0]) * tf.shape(self._popularity, tf.int64)[0]
        keys = first_keys[:, tf.newaxis] + candidate_ids
        sorted_keys = tf.concat([tf.reshape(tf.sort(keys, axis=1), [-1]), [tf.int64.max]], axis=0)
        scores = tf.stack([table.scores(item_ids, first_keys, sorted_keys) for table in self._tables], axis=-1)
        scores = tf.gather(scores, tf.searchsorted(sorted_keys, tf.reshape(keys, [-1])))
        scores = tf.reshape(scores, [*tf.unstack(tf.shape(keys)), len(self._tables)])
        return tf.concat([scores, tf.gather(self._popularity, candidate_ids)], axis=-1)

    def extra_candidates(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Return the highest neighbours of the last items, and the most popular items.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.

        Returns:
            int64 [batch, n]; 0 for no item, and an item may be there twice.
        """
        batch, last = tf.shape(item_ids)[0], last_items(item_ids, _RECENT_ITEMS)
        neighbours = [
            tf.reshape(tf.gather(table, last), [batch, _RECENT_ITEMS * EXTRA_CANDIDATES]) for table in self._neighbours
        ]
        popular = tf.tile(self._popular[tf.newaxis], [batch, 1])
        return tf.concat([*(tf.cast(table, tf.int64) for table in neighbours), popular], axis=1)


class _TableLookup(tf.Module):
    """A table by rows: the cost of a history depends on its items' neighbours, and not on the catalogue's size."""

    def __init__(self, table: CooccurrenceTable, name: str) -> None:
        super().__init__()
        pairs = table.pairs
        self._ends = per_item_variable(pairs.indptr.astype(np.int64), name, "ends")  # [2 + items]
        self._neighbours = per_item_variable(pairs.indices.astype(np.int32), name, "columns")
        self._values = per_item_variable(pairs.data.astype(np.float32), name, "values")
        self._recency_weights = tf.constant(table.recency_weights)
        mean = table.recency_weights.sum() * pairs.sum() / pairs.shape[1] ** 2
        self._mean = float(mean) or 1.0

    def scores(self, item_ids: tf.Tensor, first_keys: tf.Tensor, sorted_keys: tf.Tensor) -> tf.Tensor:
        """Return the logarithms of the scores of keys.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.
            first_keys: int64 [batch], the key of id 0 for each history; the key of item i is i more.
            sorted_keys: int64 [n], ascending; the last one belongs to no item.

        Returns:
            float32 [n]; only the first of equal keys has its score.
        """
        newest = self._recency_weights.shape[0]
        items = tf.reshape(last_items(item_ids, newest), [-1])
        entries = tf.ragged.range(tf.gather(self._ends, items), tf.gather(self._ends, items + 1))
        row, entries = entries.value_rowids(), entries.flat_values
        keys = tf.gather(tf.repeat(first_keys, newest), row) + tf.cast(tf.gather(self._neighbours, entries), tf.int64)
        weights = tf.gather(tf.tile(self._recency_weights, tf.shape(first_keys)), row)
        indices = tf.searchsorted(sorted_keys, keys)
        found = tf.gather(sorted_keys, indices) == keys
        values = tf.where(found, weights * tf.gather(self._values, entries), 0.0)
        sums = tf.math.unsorted_segment_sum(values, indices, tf.size(sorted_keys))
        return tf.math.log(sums / self._mean + _LOG_SMOOTHING)


def last_items(item_ids: tf.Tensor, count: int) -> tf.Tensor:
    """Return the last items of each history, newest first.

    Args:
        item_ids: int64 [batch, length], padded on the right with 0.
        count: the number of items to return.

    Returns:
        int64 [batch, count]; 0 where a history has fewer items.
    """
    length = tf.reduce_sum(tf.cast(item_ids != PADDING_ID, tf.int32), axis=1, keepdims=True)
    positions = length - 1 - tf.range(count)
    found = tf.gather(item_ids, tf.maximum(positions, 0), batch_dims=1)
    return tf.where(positions >= 0, found, PADDING_ID)


def geometric_decay(rate: float, count: int) -> Weights:
    """Return the weights 1, rate, rate^2, ..., float32 [count]."""
    return (rate ** np.arange(count)).astype(np.float32)


def _transitions(sequences: Sequence[npt.NDArray[np.int64]], item_count: int, distance: int) -> sparse.csr_matrix:
    before = _concatenate([items[:-distance] for items in sequences if len(items) > distance])
    after = _concatenate([items[distance:] for items in sequences if len(items) > distance])
    return sparse.coo_matrix((np.ones(len(before), np.float32), (before, after)), (1 + item_count,) * 2).tocsr()


def _cosines(
    sequences: Sequence[npt.NDArray[np.int64]], item_count: int, popularity: ItemPopularity
) -> sparse.csr_matrix:
    distinct = [np.unique(items) for items in sequences]
    rows, columns = np.repeat(np.arange(len(distinct)), [len(items) for items in distinct]), _concatenate(distinct)
    shape = (len(distinct), 1 + item_count)
    holds = sparse.coo_matrix((np.ones(len(columns), np.float32), (rows, columns)), shape).tocsr()
    holds = holds @ sparse.diags(1.0 / np.sqrt(np.maximum(np.asarray(holds.sum(axis=0)).ravel(), 1.0)))
    blocks = []
    for start in range(0, 1 + item_count, _KNN_ROWS):
        block = (holds[:, start : start + _KNN_ROWS].T @ holds).tocoo()
        other = block.row + start != block.col  # an item is not its own neighbour
        block = sparse.coo_matrix((block.data[other], (block.row[other], block.col[other])), block.shape)
        blocks.append(_keep_highest(block.tocsr(), popularity))
    return sparse.vstack(blocks).tocsr()


def _concatenate(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _keep_highest(pairs: sparse.csr_matrix, popularity: ItemPopularity) -> sparse.csr_matrix:
    """Return the matrix with the highest values of each row only."""
    rows, columns, values, ranks = _rank_entries(pairs, popularity)
    kept = ranks < constants.MAX_NEIGHBOURS
    return sparse.coo_matrix((values[kept], (rows[kept], columns[kept])), pairs.shape).tocsr()


def _top_columns(pairs: sparse.csr_matrix, count: int, popularity: ItemPopularity) -> npt.NDArray[np.int64]:
    """Return the columns of each row's highest values, [rows, count], highest first; 0 where there are fewer."""
    rows, columns, _, ranks = _rank_entries(pairs, popularity)
    kept = ranks < count
    top = np.zeros((pairs.shape[0], count), np.int64)
    top[rows[kept], ranks[kept]] = columns[kept]
    return top


def _most_popular(popularity: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    """Return the ids of the most popular items, most popular first; `popularity` is [items], and 0 is left out."""
    highest = np.argsort(-popularity, kind="stable")[:count]
    return 1 + highest[popularity[highest] > 0]


def _rank_entries(pairs: sparse.csr_matrix, popularity: ItemPopularity) -> tuple[npt.NDArray[Any], ...]:
    """Return the rows, columns, values and ranks in the row, from 0: higher values first, then popular columns."""
    entries = pairs.tocoo()
    order = np.lexsort((entries.col, -popularity[entries.col], -entries.data, entries.row))
    rows = entries.row[order]
    return rows, entries.col[order], entries.data[order], np.arange(len(rows)) - pairs.indptr[rows]

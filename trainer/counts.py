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

MOST_PARTNERS = 200  # of an item in a table: the highest ones
SUGGESTED = 50  # followers of an item, and popular items, that become candidates
_SMALL = 0.3  # what no count amounts to, in mean counts; keeps the logarithm finite
_KNN_ITEMS = 1_000  # rows of the similarity matrix made at once

Ages = npt.NDArray[np.float32]


class Table(NamedTuple):
    """A sparse matrix of numbers for pairs of items, and the weights of the history's items by age."""

    pairs: sparse.csr_matrix  # float32 [1 + items, 1 + items]
    ages: Ages  # the weight of the last item, the one before it, ...


def count(sequences: Sequence[npt.NDArray[np.int64]], item_count: int) -> dict[str, Table]:
    """The tables of a training split.

    - `markov`: transitions at distance 1, 2 and 3, weighted by 1 / distance
    - `followers`: at distance 1, for the last item alone
    - `window`: at distances 1 to 10
    - `predecessors`: `markov` with the arrows turned
    - `neighbours`: the cosine of the sets of sequences that two items are in
      (item-kNN; Sarwar et al. 2001)

    Args:
        sequences: ids in the order of time.
        item_count: ids are 1..item_count.
    """
    near = [_transitions(sequences, item_count, distance) for distance in range(1, 11)]
    markov = near[0] + near[1] / 2.0 + near[2] / 3.0
    of_three = np.array([1.0, 1.0 / 2.0, 1.0 / 3.0], np.float32)
    return {
        "markov": Table(_highest(markov), of_three),
        "followers": Table(_highest(near[0]), np.ones(1, np.float32)),
        "window": Table(_highest(sum(near[1:], near[0])), _falling(0.8, 12)),
        "predecessors": Table(_highest(markov.T.tocsr()), of_three),
        "neighbours": Table(_cosines(sequences, item_count), _falling(0.9, 30)),
    }


class CountedScores(tf.Module):
    """Scores of candidates by tables and by popularity, and the candidates that these suggest.

    Args:
        tables: of `count`; the first of them suggests.
        shares: float32 [items], each item's share of the targets.
        lately: float32 [items], the same in any unit where older ones count less; the highest are suggested.
    """

    def __init__(
        self, tables: dict[str, Table], shares: npt.NDArray[np.float32], lately: npt.NDArray[np.float32]
    ) -> None:
        super().__init__()
        self._tables = [_Lookup(table) for table in tables.values()]
        popular = {"popularity": shares, "recent_popularity": lately / max(lately.sum(), 1e-9)}
        of_items = np.stack(list(popular.values()), axis=1) * len(shares)
        logarithms = np.log(np.concatenate([np.zeros((1, len(popular))), of_items]) + _SMALL).astype(np.float32)
        self._popularity = tf.Variable(logarithms, trainable=False)  # [1 + items, 2]
        highest = 1 + np.argsort(-lately, kind="stable")[:SUGGESTED]
        self._popular = tf.Variable(highest[lately[highest - 1] > 0].astype(np.int64), trainable=False)
        first = next(iter(tables.values()))
        self._suggested = tf.Variable(_top(first.pairs, SUGGESTED), trainable=False)  # int64 [1 + items, SUGGESTED]
        self._suggesting = len(first.ages)
        self.names = [*tables, *popular]

    def features(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Logarithms of the scores, in mean scores.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.
            candidate_ids: int64 [batch, c].

        Returns:
            float32 [batch, c, names].
        """
        scores = [table.scores(item_ids, candidate_ids) for table in self._tables]
        return tf.concat([tf.stack(scores, axis=-1), tf.gather(self._popularity, candidate_ids)], axis=-1)

    def suggest(self, item_ids: tf.Tensor) -> tf.Tensor:
        """What followed the last items most often, and what is popular: int64 [batch, n]; 0 for none, some twice."""
        batch = tf.shape(item_ids)[0]
        followers = tf.gather(self._suggested, recent(item_ids, self._suggesting))
        popular = tf.tile(self._popular[tf.newaxis], [batch, 1])
        return tf.concat([tf.reshape(followers, [batch, self._suggesting * SUGGESTED]), popular], axis=1)


class _Lookup(tf.Module):
    def __init__(self, table: Table) -> None:
        super().__init__()
        entries, width = table.pairs.tocoo(), table.pairs.shape[1]
        keys = entries.row.astype(np.int64) * width + entries.col
        order = np.argsort(keys)
        # One key at least: a search needs something to search.
        self._keys = tf.Variable(np.append(keys[order], np.iinfo(np.int64).max), trainable=False)
        values = entries.data[order]
        self._values = tf.Variable(np.append(values, 0.0).astype(np.float32), trainable=False)
        self._width = width
        self._ages = table.ages
        mean = table.ages.sum() * values.sum() / width**2
        self._mean = float(mean) or 1.0

    def scores(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
        items = recent(item_ids, len(self._ages))
        keys = items[:, :, tf.newaxis] * self._width + candidate_ids[:, tf.newaxis]  # [batch, ages, c]
        places = tf.searchsorted(self._keys, tf.reshape(keys, [-1]))
        found = tf.gather(self._keys, places) == tf.reshape(keys, [-1])
        values = tf.reshape(tf.where(found, tf.gather(self._values, places), 0.0), tf.shape(keys))
        return tf.math.log(tf.einsum("bac,a->bc", values, self._ages) / self._mean + _SMALL)


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


def _cosines(sequences: Sequence[npt.NDArray[np.int64]], item_count: int) -> sparse.csr_matrix:
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
        blocks.append(_highest(block.tocsr()))
    return sparse.vstack(blocks).tocsr()


def _joined(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _highest(pairs: sparse.csr_matrix) -> sparse.csr_matrix:
    """Keeps the highest numbers of each row."""
    rows, columns, values, place = _ranked(pairs)
    kept = place < MOST_PARTNERS
    return sparse.coo_matrix((values[kept], (rows[kept], columns[kept])), pairs.shape).tocsr()


def _top(pairs: sparse.csr_matrix, count: int) -> npt.NDArray[np.int64]:
    """The columns of the highest numbers of each row, [rows, count], highest first; 0 where there are fewer."""
    rows, columns, _, place = _ranked(pairs)
    kept = place < count
    top = np.zeros((pairs.shape[0], count), np.int64)
    top[rows[kept], place[kept]] = columns[kept]
    return top


def _ranked(pairs: sparse.csr_matrix) -> tuple[npt.NDArray[Any], ...]:
    """Rows, columns, numbers and places in the row, the highest number first, of equal ones the lower column."""
    entries = pairs.tocoo()
    order = np.lexsort((entries.col, -entries.data, entries.row))
    rows = entries.row[order]
    return rows, entries.col[order], entries.data[order], np.arange(len(rows)) - pairs.indptr[rows]


def _falling(rate: float, count: int) -> Ages:
    return (rate ** np.arange(count)).astype(np.float32)

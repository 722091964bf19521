"""The contract of every index in `INDEXES`."""

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.export.top_k import INDEXES

LOWEST = np.finfo(np.float32).min
# Small integers: their inner products are exact, and ties are frequent.
NUMBERS = st.integers(-3, 3)

pytestmark = pytest.mark.parametrize("kind", INDEXES)


def expected(
    candidates: npt.NDArray[np.float32], query: npt.NDArray[np.float32], excluded: list[list[int]], k: int
) -> tuple[list[list[float]], list[list[int]]]:
    """Return the answer by sorting all items: score descending, then id ascending."""
    columns = min(k, len(candidates))
    scores, ids = [], []
    for row, out in zip(query, excluded, strict=True):
        left = [(-float(row @ vector), i) for i, vector in enumerate(candidates, start=1) if i not in out]
        best = sorted(left)[:columns]
        missing = columns - len(best)
        scores.append([-score for score, _ in best] + [float(LOWEST)] * missing)
        ids.append([i for _, i in best] + [0] * missing)
    return scores, ids


@settings(max_examples=50)
@given(data=st.data())
def test_search_equals_sorting_all_items(kind: str, data: st.DataObject) -> None:
    items, dim, batch = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    vectors = st.lists(NUMBERS, min_size=dim, max_size=dim)
    candidates = np.array(data.draw(st.lists(vectors, min_size=items, max_size=items)), np.float32)
    query = np.array(data.draw(st.lists(vectors, min_size=batch, max_size=batch)), np.float32)
    width = data.draw(st.integers(0, 14))
    ids = st.lists(st.integers(0, items + 2), min_size=width, max_size=width)
    excluded = data.draw(st.lists(ids, min_size=batch, max_size=batch))
    k = data.draw(st.integers(1, items + 2))

    index = INDEXES[kind](tf.constant(candidates))
    scores, found = index.search(
        tf.constant(query), tf.constant(excluded, tf.int64, [batch, width]), tf.constant(k, tf.int32)
    )

    assert (scores.dtype, found.dtype) == (tf.float32, tf.int64)
    assert (scores.numpy().tolist(), found.numpy().tolist()) == expected(candidates, query, excluded, k)


def test_search_finds_no_hidden_item(kind: str) -> None:
    index = INDEXES[kind](tf.constant([[3.0], [2.0], [1.0]]))
    none, hidden = tf.zeros([2, 0], tf.int64), tf.constant([[True, False, False], [True, True, True]])
    scores, found = index.search(tf.ones([2, 1]), none, 2, hidden)
    assert found.numpy().tolist() == [[2, 3], [0, 0]]
    assert scores.numpy().tolist() == [[2.0, 1.0], [LOWEST, LOWEST]]


def test_search_of_a_large_catalogue_equals_sorting_all_items(kind: str) -> None:
    random = np.random.default_rng(0)
    candidates = random.integers(-9, 10, [2000, 8]).astype(np.float32)
    query = random.integers(-9, 10, [20, 8]).astype(np.float32)
    excluded = random.integers(0, 2001, [20, 50])

    scores, found = INDEXES[kind](tf.constant(candidates)).search(tf.constant(query), tf.constant(excluded), 10)

    assert (scores.numpy().tolist(), found.numpy().tolist()) == expected(candidates, query, excluded.tolist(), 10)


def test_search_in_a_graph_with_unknown_shapes_is_possible(kind: str) -> None:
    index = INDEXES[kind](tf.constant([[1.0], [3.0], [2.0]]))
    search = tf.function(
        index.search,
        input_signature=[
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None, None], tf.int64),
            tf.TensorSpec([], tf.int32),
        ],
    )

    scores, found = search(tf.constant([[1.0], [-1.0]]), tf.constant([[2], [0]], tf.int64), 2)

    assert found.numpy().tolist() == [[3, 1], [1, 3]]
    assert scores.numpy().tolist() == [[2.0, 1.0], [-1.0, -2.0]]


def test_search_never_returns_a_score_of_minus_infinity(kind: str) -> None:
    index = INDEXES[kind](tf.constant([[1.0], [-np.inf]]))

    scores, found = index.search(tf.constant([[1.0]]), tf.zeros([1, 0], tf.int64), 2)

    assert found.numpy().tolist() == [[1, 0]]
    assert scores.numpy().tolist() == [[1.0, LOWEST]]


def test_search_nan_scores_come_first_and_stay_nan(kind: str) -> None:
    index = INDEXES[kind](tf.constant([[1.0], [np.nan], [np.inf], [np.nan], [2.0]]))

    # As a graph, because TensorFlow's graph optimizer must keep NaN, too.
    search = tf.function(index.search)
    scores, found = search(tf.constant([[1.0], [1.0]]), tf.constant([[0], [2]], tf.int64), 4)

    assert found.numpy().tolist() == [[2, 3, 4, 5], [3, 4, 5, 1]]
    np.testing.assert_equal(scores.numpy(), [[np.nan, np.inf, np.nan, 2], [np.inf, np.nan, 2, 1]])


def test_vectors_returns_the_vectors_of_the_index(kind: str) -> None:
    index = INDEXES[kind](tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))

    vectors = index.vectors(tf.constant([3, 0, 1, 3], tf.int64))

    assert vectors.dtype == tf.float32
    assert vectors.numpy().tolist() == [[5.0, 6.0], [0.0, 0.0], [1.0, 2.0], [5.0, 6.0]]

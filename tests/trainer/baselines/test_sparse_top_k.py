import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from trainer.baselines.sparse_top_k import filter_entries, keep_top_k_per_row, top_k_columns

WIDTH = 6
SCORES = st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=WIDTH, max_size=WIDTH), min_size=1)


@given(SCORES, st.permutations(range(WIDTH)), st.integers(1, WIDTH + 2), st.data())
def test_top_k_columns_equal_a_full_sort(
    scores: list[list[float]], order: list[int], k: int, data: st.DataObject
) -> None:
    some = st.lists(st.integers(0, WIDTH - 1), max_size=WIDTH + 2)
    removed = data.draw(st.lists(some, min_size=len(scores), max_size=len(scores)))

    found = top_k_columns(
        sparse.csr_matrix(scores), np.array(order), [np.array(columns, np.int64) for columns in removed], k
    ).tolist()

    for row, out, columns in zip(scores, removed, found, strict=True):
        left = [column for column in range(WIDTH) if column not in out]
        left.sort(key=lambda column: (-row[column], order.index(column)))
        assert columns == (left + [-1] * k)[:k]


def test_top_k_columns_of_sums_that_differ_by_rounding_follow_the_order() -> None:
    scores = sparse.csr_matrix([[0.1 + 0.2, 0.3, 0.1]])
    assert scores[0, 0] > scores[0, 1]

    assert top_k_columns(scores, np.array([2, 1, 0]), [np.zeros(0, np.int64)], 3).tolist() == [[1, 0, 2]]


@given(SCORES, st.integers(1, WIDTH))
def test_keep_top_k_per_row_keeps_the_highest_then_the_first(scores: list[list[float]], count: int) -> None:
    kept = keep_top_k_per_row(sparse.csr_matrix(scores), count).toarray()

    for row, left in zip(scores, kept.tolist(), strict=True):
        highest = sorted(range(WIDTH), key=lambda column: (-row[column], column))[:count]
        assert left == [value if column in highest else 0.0 for column, value in enumerate(row)]


def test_filter_entries_keeps_the_marked_entries() -> None:
    matrix = sparse.csr_matrix([[1, 2, 0], [0, 0, 0], [0, 3, 4]])

    kept = filter_entries(matrix, np.array([False, True, True, False]))

    assert kept.toarray().tolist() == [[0, 2, 0], [0, 0, 0], [0, 3, 0]]

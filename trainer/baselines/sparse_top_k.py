"""The top k values of each row of a sparse matrix, with a given order of equal values. NumPy and SciPy only.

Values are positive. Two values that are the same as float32 count as equal, so
that rounding errors of a sum do not change the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from trainer.metrics.lists import Indices

_RANKS = np.uint64(2**32 - 1)  # the lower half of a key


def top_k_columns(scores: sparse.csr_matrix, order: Indices, removed: Iterable[Indices], k: int) -> Indices:
    """Return the k best columns of each row, best first: the highest scores, then the other columns in their order.

    Args:
        scores: [rows, columns], positive where they are set.
        order: int64 [columns], every column once. Of columns with equal scores or without one, the earlier is better.
        removed: for each row, the columns to leave out.
        k: the number of columns to return.

    Returns:
        int64 [rows, k]; -1 where no column is left.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.sparse_top_k import top_k_columns
        >>> scores = sparse.csr_matrix([[0.5, 0.0, 2.0], [0.0, 0.0, 0.0]])
        >>> top_k_columns(scores, order=np.array([1, 0, 2]), removed=[np.array([], int), np.array([1])], k=3)
        array([[ 2,  0,  1],
               [ 0,  2, -1]])
    """
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    keys = _sort_keys(scores.data, ranks[scores.indices])
    found = np.full((scores.shape[0], k), -1, np.int64)
    used = np.zeros(len(order), np.bool_)  # removed columns, and those already in the list
    for row, ((start, end), gone) in enumerate(zip(pairwise(scores.indptr), removed, strict=True)):
        used[gone] = True
        left = keys[start:end][~used[scores.indices[start:end]]]
        if len(left) > k:
            left = np.partition(left, -k)[-k:]
        top = order[(_RANKS - (np.sort(left)[::-1] & _RANKS)).astype(np.int64)]
        used[top] = True
        rest = order[: k + len(gone)]
        columns = np.concatenate([top, rest[~used[rest]]])[:k]
        found[row, : len(columns)] = columns
        used[gone] = used[top] = False
    return found


def keep_top_k_per_row(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Return the matrix with the highest values of each row only.

    Args:
        matrix: any, with positive values.
        count: the number of values to keep in a row. Of equal values, the lower columns are kept.

    Returns:
        A new matrix of the same shape.

    Example:
        >>> from scipy import sparse
        >>> from trainer.baselines.sparse_top_k import keep_top_k_per_row
        >>> keep_top_k_per_row(sparse.csr_matrix([[3, 1, 2], [1, 1, 1]]), count=2).toarray()
        array([[3, 0, 2],
               [1, 1, 0]])
    """
    keys = _sort_keys(matrix.data, matrix.indices)
    kept = np.ones(len(keys), np.bool_)
    for start, end in pairwise(matrix.indptr):
        if end - start > count:
            row_keys = keys[start:end]
            kept[start:end] = row_keys >= np.partition(row_keys, -count)[-count]
    return filter_entries(matrix, kept)


def filter_entries(matrix: sparse.csr_matrix, kept: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    """Return the matrix with some of its entries only.

    Args:
        matrix: any.
        kept: bool, as long as `matrix.data`: whether an entry is kept.

    Returns:
        A new matrix of the same shape.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.baselines.sparse_top_k import filter_entries
        >>> filter_entries(sparse.csr_matrix([[1, 2], [0, 3]]), np.array([True, False, True])).toarray()
        array([[1, 0],
               [0, 3]])
    """
    positions = np.flatnonzero(kept)
    starts = np.searchsorted(positions, matrix.indptr)
    return sparse.csr_matrix((matrix.data[positions], matrix.indices[positions], starts), matrix.shape)


def _sort_keys(scores: npt.NDArray[Any], ranks: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return an integer for each score and rank: greater for a higher score, then for a lower rank."""
    bits = scores.astype(np.float32).view(np.uint32)  # the bits of positive floats are in the order of the floats
    return (bits.astype(np.uint64) << np.uint64(32)) | (_RANKS - ranks.astype(np.uint64))

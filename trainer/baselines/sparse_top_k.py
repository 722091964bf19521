"""The highest numbers of the rows of a sparse matrix, equal ones in an order that is given. NumPy and SciPy only.

Numbers are positive, and two that are the same as float32 are equal: what is
left of a sum's rounding decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

TopKColumns = npt.NDArray[np.int64]

_RANKS = np.uint64(2**32 - 1)  # the lower half of a key


def top_k_columns(scores: sparse.csr_matrix, order: TopKColumns, removed: Sequence[TopKColumns], k: int) -> TopKColumns:
    """The k best columns of each row, best first: the highest scores, then the rest in their order.

    Args:
        scores: [rows, columns].
        order: every column once; of equal scores, and of columns without one, the earlier is better.
        removed: by row, columns that are left out.
        k: how many.

    Returns:
        [rows, k]; -1 where no column is left.
    """
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    keys = _keys(scores.data, ranks[scores.indices])
    found = np.full((scores.shape[0], k), -1, np.int64)
    out = np.zeros(len(order), np.bool_)
    for row, (start, end) in enumerate(pairwise(scores.indptr)):
        out[removed[row]] = True
        left = keys[start:end][~out[scores.indices[start:end]]]
        if len(left) > k:
            left = np.partition(left, -k)[-k:]
        top = order[(_RANKS - (np.sort(left)[::-1] & _RANKS)).astype(np.int64)]
        out[top] = True
        rest = order[: k + len(removed[row])]
        columns = np.concatenate([top, rest[~out[rest]]])[:k]
        found[row, : len(columns)] = columns
        out[removed[row]] = out[top] = False
    return found


def keep_top_k_per_row(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Keeps the highest numbers of each row, of equal ones the lower columns."""
    keys = _keys(matrix.data, matrix.indices)
    kept = np.ones(len(keys), np.bool_)
    for start, end in pairwise(matrix.indptr):
        if end - start > count:
            of_row = keys[start:end]
            kept[start:end] = of_row >= np.partition(of_row, -count)[-count]
    return filter_entries(matrix, kept)


def filter_entries(matrix: sparse.csr_matrix, kept: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    """Keeps these of the matrix's numbers.

    Args:
        matrix: any.
        kept: as long as its `data`.
    """
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], ends), matrix.shape)


def _keys(scores: npt.NDArray[Any], ranks: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """One number for a score and a rank, greater for a higher score, and of equal ones for a lower rank."""
    bits = scores.astype(np.float32).view(np.uint32)  # of positive numbers, in their order
    return (bits.astype(np.uint64) << np.uint64(32)) | (_RANKS - ranks.astype(np.uint64))

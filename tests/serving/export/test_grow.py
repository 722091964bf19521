"""New items in tables of pairs. The right answers are products of dense matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from serving.export import grow
from serving.export.grow import grown_table

Array = npt.NDArray[Any]

KNOWN, LATER, NEW = 4, 1, 3  # items of the training, an item that was added before, and new items
COUNTS = arrays(np.float32, (KNOWN + LATER, KNOWN + LATER), elements=st.integers(0, 3).map(float))
LIKENESS = arrays(np.float32, (NEW, KNOWN), elements=st.sampled_from([0.0, 0.25, 0.5]))


def parts(pairs: Array) -> list[Array]:
    """Return the parts of a table, with a row and a column of padding."""
    table = sparse.csr_matrix(np.pad(pairs, [(1, 0), (1, 0)]))
    return [table.indptr.astype(np.int64), table.indices, table.data]


def dense(found: list[Array], items: int) -> Array:
    ends, columns, values = found
    table = sparse.csr_matrix((values, columns, ends), (1 + items, 1 + items)).toarray()
    assert not table[0].any()
    assert not table[:, 0].any()
    return np.asarray(table[1:, 1:])


@given(COUNTS, LIKENESS)
def test_pairs_of_new_items_are_means_of_those_of_similar_items(counts: Array, likeness: Array) -> None:
    found = dense(grown_table(parts(counts), KNOWN + LATER, sparse.csr_matrix(likeness)), KNOWN + LATER + NEW)

    mixed = np.concatenate([np.eye(KNOWN + LATER), np.pad(likeness, [(0, 0), (0, LATER)])])
    np.testing.assert_allclose(found, mixed @ counts @ mixed.T, atol=1e-6)


def test_rows_keep_their_highest_new_pairs_and_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grow, "_HIGHEST", 2)
    counts, likeness = (
        np.array([[5.0, 1.0], [0.0, 0.0]], np.float32),
        np.array([[0.2, 0], [0.6, 0], [0.4, 0]], np.float32),
    )

    found = dense(grown_table(parts(counts), 2, sparse.csr_matrix(likeness)), 5)

    np.testing.assert_allclose(found[0], [5.0, 1.0, 0.0, 3.0, 2.0], atol=1e-6)  # 1.0 would be the lowest new one

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.metrics import catalogue_indices, pad_lists

IDS = st.sampled_from(["a", "b", "c", "item", "ü", "", None])


def test_catalogue_indices_of_padding_and_unknown_ids_are_minus_one() -> None:
    ids = pad_lists([["b", "zzz", "a"], []], 2)

    assert catalogue_indices(ids, np.array(["a", "b"], dtype=object)).tolist() == [[1, -1], [-1, -1]]


@given(st.lists(st.lists(IDS, min_size=3, max_size=3)), st.permutations(["a", "b", "ü", "item"]))
def test_catalogue_indices_equal_a_dictionary(rows: list[list[str | None]], items: list[str]) -> None:
    ids = np.array(rows, dtype=object).reshape(len(rows), 3)

    found = catalogue_indices(ids, np.array(items, dtype=object))

    index_of = {item: index for index, item in enumerate(items)}
    assert found.dtype == np.int64
    assert found.tolist() == [[index_of.get(item or "", -1) for item in row] for row in rows]


def test_catalogue_indices_of_an_empty_catalogue_are_minus_one() -> None:
    assert catalogue_indices(np.array(["a"], dtype=object), np.array([], dtype=object)).tolist() == [-1]


@given(st.lists(st.lists(st.text(max_size=2), max_size=4), max_size=4), st.integers(0, 5))
def test_pad_lists_cuts_long_lists_and_fills_short_ones(lists: list[list[str]], depth: int) -> None:
    padded = pad_lists(lists, depth)

    assert padded.shape == (len(lists), depth)
    assert padded.tolist() == [(items + [None] * depth)[:depth] for items in lists]

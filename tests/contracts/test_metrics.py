"""The contract of every metric in `METRICS`. A new one is tested as soon as it is in the registry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.lists import any_lists
from trainer.metrics import METRICS
from trainer.metrics.lists import Catalogue, Lists

pytestmark = pytest.mark.parametrize("name", METRICS)
KS = st.integers(1, 16)


@settings(max_examples=60)
@given(lists=any_lists(), k=KS)
def test_metric_of_each_list_is_nan_or_not_negative(name: str, lists: Lists, k: int) -> None:
    values = METRICS[name](k)(lists)
    assert values.shape == (len(lists),)
    assert values.dtype == np.float64
    assert (values[~np.isnan(values)] >= -1e-12).all()
    if name not in ("popularity", "novelty", "diversity"):
        assert (values[~np.isnan(values)] <= 1 + 1e-12).all()


@settings(max_examples=60)
@given(lists=any_lists(), k=KS, data=st.data())
def test_metric_of_a_list_does_not_depend_on_other_lists(name: str, lists: Lists, k: int, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(lists))))
    moved = Lists(
        lists.ranked[order], [lists.targets[i] for i in order], [lists.histories[i] for i in order], lists.catalogue
    )
    np.testing.assert_array_equal(METRICS[name](k)(moved), METRICS[name](k)(lists)[order])
    one = Lists(lists.ranked[:1], lists.targets[:1], lists.histories[:1], lists.catalogue)
    np.testing.assert_allclose(METRICS[name](k)(one), METRICS[name](k)(lists)[:1], rtol=1e-12)


@settings(max_examples=60)
@given(lists=any_lists(), k=KS)
def test_metric_ignores_items_after_the_first_k(name: str, lists: Lists, k: int) -> None:
    cut = Lists(lists.ranked[:, :k], lists.targets, lists.histories, lists.catalogue)
    np.testing.assert_allclose(METRICS[name](k)(cut), METRICS[name](k)(lists), rtol=1e-12)


@settings(max_examples=60)
@given(lists=any_lists(), k=KS, empty=st.sampled_from(["", None]))
def test_metric_ignores_padding(name: str, lists: Lists, k: int, empty: str | None) -> None:
    filler = np.full((len(lists), 3), empty, dtype=object)
    longer = Lists(np.hstack([lists.ranked, filler]), lists.targets, lists.histories, lists.catalogue)
    np.testing.assert_allclose(METRICS[name](k)(longer), METRICS[name](k)(lists), rtol=1e-12)


@given(k=KS)
def test_metric_of_no_lists_is_empty(name: str, k: int) -> None:
    nothing = np.zeros(0, np.int64)
    empty = Lists(np.empty((0, 4), dtype=object), [], [], Catalogue(np.array([], object), nothing, nothing, 0))
    assert METRICS[name](k)(empty).shape == (0,)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.item_map import item_map, principal_components
from tests.pipeline.known_items import known_items


def test_principal_components_of_points_in_a_plane_keep_their_distances() -> None:
    # Two axes of four: the points are at 3 and -3 on one, at 1 and -1 on the other.
    vectors = np.array([[0, 3, 0, 0], [0, -3, 0, 0], [0, 0, 0, 1], [0, 0, 0, -1]], np.float32)
    points, explained = principal_components(vectors)
    assert np.abs(points) == pytest.approx(np.array([[3, 0], [3, 0], [0, 1], [0, 1]]), abs=1e-6)
    assert explained == pytest.approx(1)


def test_explained_variance_is_that_of_two_dimensions() -> None:
    # The variances on three axes are 2 * 4, 2 * 1 and 2 * 1. Two of them have 10 of 12.
    vectors = np.concatenate([np.diag([2, 1, 1]), -np.diag([2, 1, 1])]).astype(np.float32)
    assert principal_components(vectors)[1] == pytest.approx(10 / 12)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 9))
def test_principal_components_have_a_fixed_sign(count: int, dim: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    points, explained = principal_components(vectors)
    assert points.shape == (count, 2)
    assert 0 <= explained <= 1 + 1e-9
    assert (points.max(axis=0) >= -points.min(axis=0) - 1e-9).all()


def test_map_has_seven_categories_and_other() -> None:
    names = [f"c{number}" for number in range(9) for _ in range(9 - number)]  # nine of c0, eight of c1, ...
    ids = [f"i{number:02}" for number in range(len(names) + 1)]
    categories = {item: [name, "further"] for item, name in zip(ids, names, strict=False)}  # the first one counts
    items = known_items(dict.fromkeys(ids, 1), categories=categories, titles={ids[0]: "First"})
    shown = item_map(items, items.ids, np.eye(len(ids), dtype=np.float32))
    assert [(group.category, len(group.x)) for group in shown.groups] == [
        *((f"c{number}", 9 - number) for number in range(7)),
        ("other", 2 + 1 + 1),  # c7, c8 and the item without a category
    ]
    assert shown.groups[0].titles[:2] == ["First", "i01"]


def test_map_without_categories_has_one_group() -> None:
    items = known_items({"a": 1, "b": 1})
    (group,) = item_map(items, items.ids, np.eye(2, dtype=np.float32)).groups
    assert (group.category, group.titles) == ("", ["a", "b"])


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_map_of_vectors_with_nan_is_empty(number: float) -> None:
    items = known_items({"a": 1, "b": 1})
    shown = item_map(items, items.ids, np.array([[1.0, 0.0], [number, 1.0]], np.float32))
    assert (shown.groups, shown.items) == ([], 2)

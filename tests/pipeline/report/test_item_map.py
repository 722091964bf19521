from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.item_map import item_map, principal_components
from tests.pipeline.known_items import known_items


def test_points_of_a_plane_come_back_turned() -> None:
    # Two axes of a space of four: 3 apart along one, 1 along the other.
    vectors = np.array([[0, 3, 0, 0], [0, -3, 0, 0], [0, 0, 0, 1], [0, 0, 0, -1]], np.float32)
    points, explained = principal_components(vectors)
    assert np.abs(points) == pytest.approx(np.array([[3, 0], [3, 0], [0, 1], [0, 1]]), abs=1e-6)
    assert explained == pytest.approx(1)


def test_what_two_dimensions_do_not_show_is_said() -> None:
    # Variances 2 * 4, 2 * 1, 2 * 1 along three axes: two of them have 10 of 12.
    vectors = np.concatenate([np.diag([2, 1, 1]), -np.diag([2, 1, 1])]).astype(np.float32)
    assert principal_components(vectors)[1] == pytest.approx(10 / 12)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 9))
def test_the_map_does_not_depend_on_the_sign_of_a_component(count: int, dim: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    points, explained = principal_components(vectors)
    assert points.shape == (count, 2)
    assert 0 <= explained <= 1 + 1e-9
    assert (points.max(axis=0) >= -points.min(axis=0) - 1e-9).all()


def test_seven_categories_are_told_apart_and_the_rest_is_other() -> None:
    names = [f"c{number}" for number in range(9) for _ in range(9 - number)]  # nine of c0, eight of c1, ...
    ids = [f"i{number:02}" for number in range(len(names) + 1)]
    items = known_items(dict.fromkeys(ids, 1), categories=dict(zip(ids, names, strict=False)), titles={ids[0]: "First"})
    shown = item_map(items, items.ids, np.eye(len(ids), dtype=np.float32))
    assert [(group.category, len(group.x)) for group in shown.groups] == [
        *((f"c{number}", 9 - number) for number in range(7)),
        ("other", 2 + 1 + 1),  # of c7, of c8, and the item without a category
    ]
    assert shown.groups[0].titles[:2] == ["First", "i01"]


def test_without_categories_all_points_are_of_one_kind() -> None:
    items = known_items({"a": 1, "b": 1})
    (group,) = item_map(items, items.ids, np.eye(2, dtype=np.float32)).groups
    assert (group.category, group.titles) == ("", ["a", "b"])


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_no_number_has_no_place(number: float) -> None:
    items = known_items({"a": 1, "b": 1})
    shown = item_map(items, items.ids, np.array([[1.0, 0.0], [number, 1.0]], np.float32))
    assert (shown.groups, shown.items) == ([], 2)

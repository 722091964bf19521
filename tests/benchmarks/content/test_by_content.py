"""Recommendations by content, computed by hand for five items."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.content.by_content import (
    expected_recall,
    nearest_to_history,
    nearest_to_last,
    popular_in_category,
)
from benchmarks.content.held_out import Query

# Items a and c have the genre 1, b has both, d has genre 2, and e has none.
CONTENT = np.array([[1, 0], [0.5**0.5, 0.5**0.5], [1, 0], [0, 1], [0, 0]])
ROWS = {item: row for row, item in enumerate("abcde")}


def test_popular_in_category_weighs_popularity_by_the_share_of_the_history() -> None:
    """Genre 1 has the known items a and b with 4 and 2 interactions, so 3; genre 2 has b with 2. c and d are new."""
    scorer = popular_in_category(CONTENT, np.array([4, 2, 0, 0, 0]))

    half = 0.5**0.5
    np.testing.assert_allclose(scorer([0]), [3, 3 * half, 3, 0, 0])
    np.testing.assert_allclose(scorer([0, 3]), [1.5, (1.5 + 1) * half, 1.5, 1, 0])


def test_nearest_content_is_that_of_the_last_item_or_of_the_history() -> None:
    np.testing.assert_allclose(nearest_to_last(CONTENT)([0, 3]), [0, 0.5**0.5, 0, 1, 0])
    np.testing.assert_allclose(nearest_to_history(CONTENT)([0, 3]), [0.5, 0.5**0.5, 0.5, 0.5, 0])
    np.testing.assert_allclose(nearest_to_history(CONTENT, read=1)([0, 3]), nearest_to_last(CONTENT)([0, 3]))


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 1.0), (3, 1.0)])
def test_recall_of_equal_scores_is_that_of_a_random_order(k: int, expected: float) -> None:
    """After d come b with 3 and then a and c with 2, unless b is in the history."""
    scorer = lambda history: np.array([2.0, 3.0, 2.0, 9.0, 1.0])  # noqa: E731

    queries = [Query("u", ["d", "b", "unknown"], "c"), Query("u", ["d", "c"], "c")]
    found = expected_recall(scorer, queries, ROWS, k)

    assert found.tolist() == [expected, 0.0]  # what is in the history is not recommended

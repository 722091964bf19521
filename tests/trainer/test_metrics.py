import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.metrics import METRICS, coverage, mrr, ndcg, precision, recall, summary

RANKED = np.array([["a", "b", "c"], ["b", "a", "c"], ["c", "d", "a"], ["x", "y", "z"]])
TARGETS = np.array(["a", "a", "a", "a"])  # at ranks 1, 2, 3 and nowhere


def test_worked_example() -> None:
    assert recall(RANKED, TARGETS, 3).tolist() == [1, 1, 1, 0]
    assert mrr(RANKED, TARGETS, 3).tolist() == [1, 1 / 2, 1 / 3, 0]
    assert precision(RANKED, TARGETS, 3).tolist() == [1 / 3, 1 / 3, 1 / 3, 0]
    assert ndcg(RANKED, TARGETS, 3) == pytest.approx([1, 1 / math.log2(3), 1 / 2, 0])


def test_k_cuts_the_list() -> None:
    assert recall(RANKED, TARGETS, 2).tolist() == [1, 1, 0, 0]
    assert mrr(RANKED, TARGETS, 1).tolist() == [1, 0, 0, 0]
    assert ndcg(RANKED, TARGETS, 2)[2] == 0
    assert precision(RANKED, TARGETS, 2).tolist() == [1 / 2, 1 / 2, 0, 0]


def test_coverage_counts_each_recommended_item_once_and_no_padding() -> None:
    assert coverage(RANKED, 10, 3) == 7 / 10  # a, b, c, d, x, y, z
    assert coverage(RANKED, 10, 1) == 4 / 10  # a, b, c, x
    assert coverage(np.array([["a", ""], ["b", ""]]), 4, 2) == 2 / 4
    assert coverage(np.array([["a", None], ["b", None]], dtype=object), 4, 2) == 2 / 4
    assert coverage(np.array([[b"a", b""]]), 4, 2) == 1 / 4


def test_summary_is_the_mean_over_the_lists() -> None:
    assert summary(RANKED, TARGETS, 14, k=3) == pytest.approx(
        {
            "recall@3": 3 / 4,
            "ndcg@3": (1 + 1 / math.log2(3) + 1 / 2) / 4,
            "mrr@3": (1 + 1 / 2 + 1 / 3) / 4,
            "precision@3": 1 / 4,
            "coverage@3": 7 / 14,
        }
    )


def test_summary_of_nothing_is_no_number() -> None:
    means = summary(np.empty((0, 10), dtype=object), np.empty(0, dtype=object), 5)
    assert means.pop("coverage@10") == 0
    assert all(math.isnan(value) for value in means.values())


def by_definition(name: str, ranked: list[int], target: int, k: int) -> float:
    """The metrics as sums over the list (Järvelin and Kekäläinen 2002 for NDCG)."""
    gains = [1.0 if item == target else 0.0 for item in ranked[:k]]
    if name == "recall":
        return sum(gains) / 1
    if name == "precision":
        return sum(gains) / k
    if name == "ndcg":
        ideal = [1.0] + [0.0] * (k - 1)
        dcg, ideal_dcg = (sum(g / math.log2(i + 2) for i, g in enumerate(x)) for x in (gains, ideal))
        return dcg / ideal_dcg
    for i, gain in enumerate(gains):
        if gain:
            return 1 / (i + 1)
    return 0.0


@st.composite
def cases(draw: Any) -> tuple[list[list[int]], list[int], int]:
    items = draw(st.integers(3, 12))
    length = draw(st.integers(1, items))
    rows = draw(st.lists(st.permutations(range(items)), min_size=1, max_size=6))
    targets = [draw(st.integers(0, items + 2)) for _ in rows]
    return [row[:length] for row in rows], targets, draw(st.integers(1, length))


@given(cases())
def test_equals_the_definitions(case: tuple[list[list[int]], list[int], int]) -> None:
    ranked, targets, k = case
    for name, metric in METRICS.items():
        expected = [by_definition(name, row, target, k) for row, target in zip(ranked, targets, strict=True)]
        assert metric(np.array(ranked), np.array(targets), k) == pytest.approx(expected)


@given(cases())
def test_values_are_shares_and_a_longer_list_never_loses_recall(case: tuple[list[list[int]], list[int], int]) -> None:
    ranked, targets, k = (np.array(part) for part in case)
    values = {name: metric(ranked, targets, int(k)) for name, metric in METRICS.items()}
    assert all(((value >= 0) & (value <= 1)).all() for value in values.values())
    assert (values["mrr"] <= values["ndcg"] + 1e-12).all()
    assert (values["ndcg"] <= values["recall"] + 1e-12).all()
    assert (values["recall"] <= recall(ranked, targets, ranked.shape[1])).all()

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranx import Qrels, Run, evaluate
from scipy import sparse

from schemas.config import evaluation
from tests.trainer.lists import any_lists, catalogue, lists
from trainer.metrics import ACCURACY, CATALOGUE_METRICS, METRICS, Coverage, Gini, count_exposures
from trainer.metrics.lists import Lists

NAN = float("nan")
COUNTS = {"a": 8, "b": 4, "c": 2, "d": 1, "e": 0}  # 15 interactions, 3 for the average item
# Two targets with hits at ranks 1 and 3; one target with a hit at rank 2; no hit; no target; an empty list.
WORKED = lists(
    [["a", "b", "c"], ["b", "d", "a"], ["c", "d", "x"], ["a", "b"], []],
    [["a", "c"], ["d"], ["e"], [], ["a"]],
    catalogue(COUNTS),
    [["b"], [], ["c", "d", "x"], ["z"], []],
)


def test_configuration_names_every_metric() -> None:
    assert tuple(METRICS) == evaluation.METRICS
    assert tuple(CATALOGUE_METRICS) == evaluation.CATALOGUE_METRICS


def values(name: str, k: int) -> list[float]:
    return METRICS[name](k)(WORKED).tolist()


@pytest.mark.parametrize(
    ("name", "k", "expected"),
    [
        ("recall", 3, [2 / 2, 1, 0, NAN, 0]),
        ("recall", 2, [1 / 2, 1, 0, NAN, 0]),
        ("precision", 3, [2 / 3, 1 / 3, 0, NAN, 0]),
        ("hit_rate", 1, [1, 0, 0, NAN, 0]),
        ("mrr", 3, [1, 1 / 2, 0, NAN, 0]),
        ("map", 3, [(1 / 1 + 2 / 3) / 2, 1 / 2, 0, NAN, 0]),
        ("ndcg", 3, [(1 + 1 / 2) / (1 + 1 / math.log2(3)), 1 / math.log2(3), 0, NAN, 0]),
        ("ndcg", 1, [1, 0, 0, NAN, 0]),
        ("popularity", 2, [(8 + 4) / 2 / 3, (4 + 1) / 2 / 3, (2 + 1) / 2 / 3, (8 + 4) / 2 / 3, NAN]),
        ("novelty", 2, [(0 + 1) / 2, (1 + 3) / 2, (2 + 3) / 2, (0 + 1) / 2, NAN]),
        ("novelty", 3, [(0 + 1 + 2) / 3, (1 + 3 + 0) / 3, (2 + 3 + 3) / 3, (0 + 1) / 2, NAN]),
        # By popularity a has rank 1, c rank 3 and d rank 4, of 5 items.
        ("serendipity", 3, [(max(1 - 1, 0) + max(3 - 3, 0)) / 5 / 3, (4 - 2) / 5 / 3, 0, NAN, 0]),
        ("repeats", 3, [1 / 3, 0, 3 / 3, 0, NAN]),
    ],
)
def test_metric_of_the_worked_example_equals_its_arithmetic(name: str, k: int, expected: list[float]) -> None:
    assert values(name, k) == pytest.approx(expected, nan_ok=True)


def test_serendipity_equals_the_documented_example_of_rectools() -> None:
    """The example is in the documentation of `rectools.metrics.Serendipity` 0.18; i3 and i4 have no interactions."""
    some = lists(
        [["i1", "i2"], ["i2", "i3"], ["i3"], ["i2", "i3"]],
        [["i1", "i2"], ["i2", "i3"], ["i2"], ["i2"]],
        catalogue({"i1": 3, "i2": 2, "i3": 0, "i4": 0}),
    )
    assert METRICS["serendipity"](1)(some).tolist() == pytest.approx([0, 0.25, 0, 0.25])
    assert METRICS["serendipity"](2)(some).tolist() == pytest.approx([0, 0.5, 0, 0.125])


def test_serendipity_of_equally_popular_items_uses_one_rank_without_a_gap() -> None:
    some = lists([["c"]], [["c"]], catalogue({"a": 9, "b": 9, "c": 5, "d": 5}))
    assert METRICS["serendipity"](1)(some).tolist() == pytest.approx([(2 - 1) / 4])


def test_diversity_with_categories_is_the_jaccard_distance() -> None:
    # a: drama; b: drama and war; c: comedy; d: none; e: drama
    held = sparse.csr_matrix(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]))
    some = lists([["a", "b", "c"], ["a", "e"], ["c", "d"], ["a"]], [()] * 4, catalogue(COUNTS, categories=held))
    assert METRICS["diversity"](3)(some).tolist() == pytest.approx([(1 / 2 + 1 + 1) / 3, 0, 1, NAN], nan_ok=True)
    assert METRICS["diversity"](2)(some)[0] == pytest.approx(1 / 2)


def test_diversity_without_categories_is_the_cosine_distance() -> None:
    vectors = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
    some = lists([["a", "b"], ["a", "c"], ["a", "d"], ["a", "e"]], [()] * 4, catalogue(COUNTS, vectors=vectors))
    assert METRICS["diversity"](2)(some).tolist() == pytest.approx([1, 1 - math.sqrt(0.5), 2, 1])
    without = lists([["a", "b"]], [()], catalogue(COUNTS))
    assert np.isnan(METRICS["diversity"](2)(without)).all()


@settings(max_examples=40)
@given(some=any_lists(), k=st.integers(1, 16))
def test_accuracy_equals_ranx(some: Lists, k: int) -> None:
    with_target = [row for row in range(len(some)) if some.targets[row]]
    if not with_target:
        return
    qrels = Qrels({str(row): dict.fromkeys(some.targets[row], 1) for row in with_target})
    # ranx accepts no empty list, so every list gets one more item, which is never a target.
    run = Run(
        {
            str(row): {"never a target": -1.0}
            | {item: 1.0 / rank for rank, item in enumerate(some.ranked[row], 1) if item}
            for row in with_target
        }
    )
    theirs = {
        "recall": "recall",
        "precision": "precision",
        "hit_rate": "hit_rate",
        "ndcg": "ndcg",
        "mrr": "mrr",
        "map": "map",
    }
    found = evaluate(qrels, run, [f"{name}@{k}" for name in theirs.values()], return_mean=False)
    for name, other in theirs.items():
        ours = METRICS[name](k)(some)[with_target]
        by_user = dict(zip(run.keys(), np.atleast_1d(found[f"{other}@{k}"]), strict=True))
        assert ours == pytest.approx([by_user[str(row)] for row in with_target], abs=1e-9), name
    without = [row for row in range(len(some)) if not some.targets[row]]
    assert all(np.isnan(METRICS[name](k)(some)[without]).all() for name in ACCURACY)


def test_coverage_is_the_fraction_of_items_with_exposures() -> None:
    found = count_exposures(WORKED.indices, 2, len(WORKED.catalogue))
    assert found.tolist() == [2, 3, 1, 2, 0]  # x is not in the catalogue
    assert Coverage(2)(found) == 4 / 5
    assert Coverage(2)(np.array([[1, 0], [0, 0]])).tolist() == [1 / 2, 0]


def test_gini_equals_half_the_relative_mean_difference() -> None:
    for values in ([2, 3, 1, 2, 0], [1, 1, 1], [0, 0, 7]):
        x = np.array(values, float)
        expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
        assert Gini(2)(x) == pytest.approx(expected)
    assert Gini(2)(np.array([[1, 1], [0, 4]])).tolist() == pytest.approx([0, 1 / 2])
    assert np.isnan(Gini(2)(np.zeros(3)))

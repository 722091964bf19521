from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from components.evaluator.comparison import Comparison, EvaluatedModel, compare
from components.evaluator.query_metrics import TIME_S
from components.evaluator.query_results import Results
from components.evaluator.summary import summarize
from schemas.errors import InputError
from tests.components.evaluated import EVALUATION, results

METRIC = "recall@10"
ITEMS = np.array(["a", "b", "c", "d"], dtype=object)
SOME_WON = [1.0, 1.0] * 20 + [1.0, 0.0] * 30  # compared with [1.0, 0.0] * 50: 20 of 100 users gain a hit


def run(hits: list[float], *, users: list[str] | None = None, lists: list[list[str]] | None = None) -> EvaluatedModel:
    groups = {"length": [["short"] if n % 2 else ["long"] for n in range(len(hits))]}
    values = {"model": {METRIC: hits, "ndcg@10": [hit / 2 for hit in hits]}}
    return EvaluatedModel(results(values, users=users, groups=groups, lists={"model": lists} if lists else None), ITEMS)


def compared(first: EvaluatedModel, second: EvaluatedModel, k: int = 10, metric: str = METRIC) -> Comparison:
    return compare(first, second, EVALUATION, metric, k)


def test_compare_gives_paired_differences_of_the_second_minus_the_first() -> None:
    found = compared(run([1.0, 0.0] * 50), run(SOME_WON))
    assert (found.queries, found.users, found.only_first, found.only_second) == (100, 100, 0, 0)
    recall, ndcg, coverage, gini = found.metrics
    assert [row.name for row in found.metrics] == [METRIC, "ndcg@10", "coverage@10", "gini@10"]
    assert (recall.first.mean, recall.second.mean) == (0.5, 0.7)
    # 20 of 100 differ by 1: variance 0.16 x 100 / 99.
    reach = stats.t.ppf(0.975, 99) * np.sqrt(0.16 / 99)
    assert recall.difference == pytest.approx((0.2, 0.2 - reach, 0.2 + reach))
    assert ndcg.difference.mean == pytest.approx(0.1)
    # Of four tests, the two on equal lists are not significant. The smallest p-value is multiplied by four.
    p_value = 2 * stats.t.sf(0.2 / np.sqrt(0.16 / 99), 99)
    assert [row.p_value for row in found.metrics] == pytest.approx([4 * p_value, 4 * p_value, 1, 1])
    assert (coverage.difference, gini.difference) == ((0, 0, 0), (0, 0, 0))


def test_compare_gives_each_model_the_intervals_of_its_own_summary() -> None:
    sides = run([1.0, 0.0] * 50), run(SOME_WON)
    found = compared(*sides)
    for rows, side in zip(zip(*((row.first, row.second) for row in found.metrics), strict=True), sides, strict=True):
        assert (
            dict(zip((METRIC, "ndcg@10", "coverage@10", "gini@10"), rows, strict=True))
            == summarize(side.results, ITEMS, EVALUATION)["systems"]["model"]
        )
    of_slices = {row.name: row.second for row in found.slices}
    expected = summarize(sides[1].results, ITEMS, EVALUATION)["slices"]["length"]
    assert of_slices == {f"length {group}": expected[group]["metrics"][METRIC] for group in ("long", "short")}


def test_compare_jackknifes_coverage_over_the_same_users() -> None:
    """Each of 20 users is a part of the jackknife. One user has b before; after, one has c and another has d.

    So the coverage is 2 of 4 items before and 3 of 4 after, where b is no longer covered. Without the user of b it
    rises by 2/4. Without the user of c or d it does not rise. Without any other user it rises by 1/4.
    """
    before = [["b"], *[["a"]] * 19]
    after = [*[["a"]] * 18, ["c"], ["d"]]
    found = compared(run([1.0] * 20, lists=before), run([1.0] * 20, lists=after))
    (coverage,) = (row for row in found.metrics if row.name == "coverage@10")
    without = np.array([2 / 4] + [1 / 4] * 17 + [0, 0])
    error = np.sqrt(19 / 20 * np.square(without - without.mean()).sum())
    assert (coverage.first.mean, coverage.second.mean) == (2 / 4, 3 / 4)
    assert coverage.difference == pytest.approx((1 / 4, *stats.t.interval(0.95, 19, 1 / 4, error)))


def test_compare_uses_the_catalogue_of_each_run() -> None:
    first, second = run([1.0] * 20), run([1.0] * 20)
    found = compared(first, EvaluatedModel(second.results, ITEMS[:2]))
    (coverage,) = (row for row in found.metrics if row.name == "coverage@10")
    assert (coverage.first.mean, coverage.second.mean) == (1 / 4, 1 / 2)


def test_compare_orders_slices_by_p_value() -> None:
    found = compared(run([1.0, 0.0] * 50), run(SOME_WON))
    assert [(row.name, row.difference.mean) for row in found.slices] == [("length short", 0.4), ("length long", 0.0)]
    assert found.slices[1].p_value == 1


def test_compare_uses_common_queries_only() -> None:
    one = run([1.0, 1.0, 0.0], users=["a", "b", "c"])
    other = run([0.0, 1.0], users=["c", "d"])
    found = compared(one, other)
    assert (found.queries, found.only_first, found.only_second) == (1, 2, 1)
    assert found.metrics[0].first.mean == 0
    with pytest.raises(InputError, match="none of them the same"):
        compared(one, run([1.0], users=["z"]))
    with pytest.raises(InputError, match="one with recall@10, ndcg@10"):
        compared(one, other, metric="recall@20")
    with pytest.raises(InputError, match="one with 10, the largest"):
        compared(one, other, k=11)


def test_compare_distinguishes_two_queries_of_one_user_in_a_second() -> None:
    one = run([1.0, 0.0], users=["a", "a"], lists=[["x", "y"], ["z", "w"]]).results
    same_time = one.table.set_column(one.table.schema.get_field_index(TIME_S), TIME_S, pa.array([5, 5], pa.int64()))
    twice = EvaluatedModel(Results(same_time), ITEMS)
    found = compared(twice, twice)
    assert (found.queries, found.only_first, found.same_lists) == (2, 0, 1)


def test_compare_orders_users_by_the_change_of_their_lists() -> None:
    before = [["a", "b", "c"], ["a", "b", "c"], ["a", "b", "c"]]
    after = [["a", "b", "c"], ["x", "y", "c"], ["b", "a", "x"]]
    found = compared(run([1.0] * 3, lists=before), run([1.0] * 3, lists=after), k=3)
    assert [(change.user, change.removed) for change in found.changes] == [("u00001", 2), ("u00002", 1), ("u00000", 0)]
    assert found.same_lists == pytest.approx(1 / 3)
    found = compared(run([1.0] * 3, lists=before), run([1.0] * 3, lists=after), k=1)
    assert [change.removed for change in found.changes] == [1, 1, 0]


def test_compare_names_a_user_once_with_the_list_that_changed_most() -> None:
    users, before = ["a", "a", "b"], [["p", "q"], ["p", "q"], ["p", "q"]]
    after = [["p", "x"], ["x", "y"], ["p", "x"]]
    found = compared(run([1.0] * 3, users=users, lists=before), run([1.0] * 3, users=users, lists=after), k=2)
    assert [(change.user, change.removed, change.second) for change in found.changes] == [
        ("a", 2, ["x", "y"]),
        ("b", 1, ["p", "x"]),
    ]

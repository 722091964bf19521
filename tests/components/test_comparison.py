from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from components.comparison import compare
from components.measures import TIME_S
from components.results import Results
from schemas.errors import InputError
from tests.components.evaluated import results

METRIC = "recall@10"


def run(hits: list[float], *, users: list[str] | None = None, lists: list[list[str]] | None = None) -> Results:
    groups = {"length": [["short"] if n % 2 else ["long"] for n in range(len(hits))]}
    values = {"model": {METRIC: hits, "ndcg@10": [hit / 2 for hit in hits]}}
    return results(values, users=users, groups=groups, lists={"model": lists} if lists else None)


def test_differences_are_paired_and_of_the_second_less_the_first() -> None:
    found = compare(run([1.0, 0.0] * 50), run([1.0, 1.0] * 20 + [1.0, 0.0] * 30), METRIC, 10)
    assert (found.queries, found.users, found.only_first, found.only_second) == (100, 100, 0, 0)
    recall, ndcg = found.metrics
    assert (recall.of, recall.first, recall.second) == (METRIC, 0.5, 0.7)
    assert recall.difference.mean == pytest.approx(0.2)
    # 20 of 100 differ by 1: variance .16 x 100 / 99.
    assert recall.difference.error == pytest.approx(np.sqrt(0.16 / 99))
    assert ndcg.difference.mean == pytest.approx(0.1)
    assert recall.p_value == pytest.approx(2 * recall.difference.p_value())  # the smaller of two, by Holm


def test_the_slice_that_moved_surest_is_first() -> None:
    found = compare(run([1.0, 0.0] * 50), run([1.0, 1.0] * 20 + [1.0, 0.0] * 30), METRIC, 10)
    assert [(row.of, row.difference.mean) for row in found.slices] == [("length short", 0.4), ("length long", 0.0)]
    assert found.slices[1].p_value == 1


def test_only_queries_that_both_have_are_compared() -> None:
    one = run([1.0, 1.0, 0.0], users=["a", "b", "c"])
    other = run([0.0, 1.0], users=["c", "d"])
    found = compare(one, other, METRIC, 10)
    assert (found.queries, found.only_first, found.only_second) == (1, 2, 1)
    assert found.metrics[0].first == 0
    with pytest.raises(InputError, match="none of them the same"):
        compare(one, run([1.0], users=["z"]), METRIC, 10)
    with pytest.raises(InputError, match="one that measured recall@10, ndcg@10"):
        compare(one, other, "recall@20", 10)
    with pytest.raises(InputError, match="kept 10"):
        compare(one, other, METRIC, 11)


def test_two_queries_of_one_user_within_a_second_are_told_apart() -> None:
    one = run([1.0, 0.0], users=["a", "a"], lists=[["x", "y"], ["z", "w"]])
    same_time = one.table.set_column(one.table.schema.get_field_index(TIME_S), TIME_S, pa.array([5, 5], pa.int64()))
    twice = Results(same_time)
    found = compare(twice, twice, METRIC, 10)
    assert (found.queries, found.only_first, found.same_lists) == (2, 0, 1)
    assert [change.gone for change in found.changes] == [0, 0]


def test_lists_that_changed_most_come_first() -> None:
    before = [["a", "b", "c"], ["a", "b", "c"], ["a", "b", "c"]]
    after = [["a", "b", "c"], ["x", "y", "c"], ["b", "a", "x"]]
    found = compare(run([1.0] * 3, lists=before), run([1.0] * 3, lists=after), METRIC, 3)
    assert [(change.user, change.gone) for change in found.changes] == [("u00001", 2), ("u00002", 1), ("u00000", 0)]
    assert found.same_lists == pytest.approx(1 / 3)
    assert compare(run([1.0] * 3, lists=before), run([1.0] * 3, lists=after), METRIC, 1).changes[1].gone == 1

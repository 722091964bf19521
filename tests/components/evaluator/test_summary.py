"""Metrics over all lists, compared with the same arithmetic done in another way."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from scipy import stats

from components.evaluator.summary import summarize
from tests.components.evaluated import EVALUATION, results

ITEMS = np.array(["a", "b", "c", "d"], dtype=object)
# Twenty numbers, of which one is -1 and the others 0: 19 / 20 times their squares about the mean is (19 / 20)².
REACH = stats.t.ppf(0.975, 19) * 19 / 20


def coverage_and_gini(lists: list[list[str]]) -> tuple[float, float]:
    """Return the coverage of four items, a to d."""
    counts = [sum(items.count(item) for items in lists) for item in "abcd"]
    differences = [abs(one - other) for one in counts for other in counts]
    return len(set(chain.from_iterable(lists))) / 4, float(np.mean(differences) / (2 * np.mean(counts)))


@pytest.mark.parametrize("count", [5, 20])
def test_catalogue_metric_interval_with_few_users_removes_one_user_at_a_time(count: int) -> None:
    """With at most twenty users, each is a part of the jackknife, here by Tukey's pseudo-values.

    All have a and b, or b and c, but the last: that one has d, and a second query.
    """
    of_users = [[["a", "b"]], [["b", "c"]]] * (count // 2) + [[["b", "c"]]] * (count % 2)
    of_users[-1] = [["d", "a"], ["a", "b"]]
    users = [f"u{n:02}" for n, lists in enumerate(of_users) for _ in lists]
    lists = list(chain.from_iterable(of_users))
    some = results({"model": {"recall@10": [1.0] * len(lists)}}, users=users, lists={"model": lists})
    found = summarize(some, ITEMS, EVALUATION)["systems"]["model"]
    without = [coverage_and_gini(list(chain(*of_users[:n], *of_users[n + 1 :]))) for n in range(count)]
    pseudo = count * np.array(coverage_and_gini(lists)) - (count - 1) * np.array(without)
    low, high = stats.t.interval(0.95, count - 1, coverage_and_gini(lists), stats.sem(pseudo))
    assert [found["coverage@10"].mean, found["gini@10"].mean] == pytest.approx(coverage_and_gini(lists))
    assert [found["coverage@10"].low, found["gini@10"].low] == pytest.approx(np.maximum(low, 0))
    assert [found["coverage@10"].high, found["gini@10"].high] == pytest.approx(np.minimum(high, 1))


@pytest.mark.parametrize(
    ("others", "items", "mean", "low", "high"),
    [
        (["a"], "abcd", 2 / 4, 2 / 4 - REACH / 4, 2 / 4 + REACH / 4),
        (["a"], "ab", 2 / 2, 2 / 2 - REACH / 2, 1),  # 1.99 without a limit
        ([], "abcd", 1 / 4, 0, 1 / 4 + REACH / 4),  # -.25 without one
    ],
)
@pytest.mark.parametrize("users", [20, 100])
def test_catalogue_metric_jackknife_with_one_covering_user_has_the_error_of_a_part(
    users: int, others: list[str], items: str, mean: float, low: float, high: float
) -> None:
    """One user has b. Without one part of twenty, one item less is covered. Other parts make no difference."""
    lists = [["b"], *[others] * (users - 1)]
    some = results({"model": {"recall@10": [1.0] * users}}, lists={"model": lists})
    found = summarize(some, np.array([*items], dtype=object), EVALUATION)["systems"]["model"]["coverage@10"]
    assert found == pytest.approx((mean, low, high))


def test_catalogue_metric_interval_of_one_user_is_undefined() -> None:
    some = results({"model": {"recall@10": [1.0]}}, lists={"model": [["a"]]})
    found = summarize(some, ITEMS, EVALUATION)
    mean, low, high = found["systems"]["model"]["coverage@10"]
    assert mean == 1 / 4
    assert np.isnan([low, high]).all()

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from components.evaluator.statistics import (
    Floats,
    UserSums,
    bonferroni_level,
    difference,
    holm,
    intervals,
    jackknife,
    mean_and_error,
    resample,
    sums_by_user,
    tarone_count,
)

ONE_EACH = np.arange(400)
HITS = np.random.default_rng(7).random(400) < 0.3


def bootstrap(sums: UserSums, samples: int) -> Floats:
    return intervals(sums, resample(sums, samples))


def test_intervals_equal_those_of_scipy() -> None:
    values = np.stack([HITS.astype(float), np.random.default_rng(8).gamma(1.0, size=400)], axis=1)
    found = bootstrap(sums_by_user(values, ONE_EACH), samples=4000)
    for column in (0, 1):
        resampled = stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=4000, method="percentile", random_state=2
        )
        oracle = resampled.confidence_interval
        width = oracle.high - oracle.low
        assert found[column, 0] == pytest.approx(values[:, column].mean())
        assert found[column, 1:] == pytest.approx([oracle.low, oracle.high], abs=0.06 * width)


def test_intervals_contain_the_true_mean_at_their_level() -> None:
    generator = np.random.default_rng(3)
    samples = (generator.random((300, 400)) < 0.2).astype(float)  # 400 users of 300 worlds
    held = 0
    for world in samples:
        _, low, high = bootstrap(sums_by_user(world[:, np.newaxis], np.arange(400)), samples=400)[0]
        held += low <= 0.2 <= high
    assert 0.91 <= held / 300 <= 0.985  # 95%, plus or minus three standard errors


def test_resample_draws_users_with_all_their_queries() -> None:
    """Repeating each query ten times does not add users."""
    values = HITS.astype(float)[:, np.newaxis]
    once = bootstrap(sums_by_user(values, ONE_EACH), samples=500)
    often = bootstrap(sums_by_user(np.tile(values, (10, 1)), np.tile(ONE_EACH, 10)), samples=500)
    assert often == pytest.approx(once)


def test_means_ignore_queries_without_a_value() -> None:
    values = np.array([[1.0], [np.nan], [0.0], [1.0]])
    assert bootstrap(sums_by_user(values, np.array([0, 0, 1, 1])), samples=50)[0, 0] == pytest.approx(2 / 3)
    nothing = bootstrap(sums_by_user(np.full((3, 1), np.nan), np.arange(3)), samples=50)
    assert np.isnan(nothing).all()


def test_resample_in_parts_equals_resample_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = HITS.astype(float)[:, np.newaxis]
    whole = bootstrap(sums_by_user(values, ONE_EACH), samples=200)
    monkeypatch.setattr("components.evaluator.statistics._WEIGHTS_AT_ONCE", 200 * 7)
    assert bootstrap(sums_by_user(values, ONE_EACH), samples=200) == pytest.approx(whole)


@given(pairs=arrays(np.float64, (2, 12), elements=st.sampled_from([0.0, 0.25, 1.0])))
def test_difference_with_one_query_per_user_is_the_paired_t_test(pairs: npt.NDArray[np.float64]) -> None:
    first, second = pairs
    found = difference(first, second, np.arange(12))
    if np.ptp(first - second) == 0:
        assert found.error == pytest.approx(0)
        return
    oracle = stats.ttest_rel(first, second)
    interval = oracle.confidence_interval(0.9)
    assert found.p_value() == pytest.approx(oracle.pvalue)
    assert found.interval(0.9) == pytest.approx((np.mean(first - second), interval.low, interval.high))


@given(sizes=arrays(np.float64, 6, elements=st.sampled_from([0.0, 0.5, 0.75, 1.0])))
def test_least_p_value_is_the_minimum_over_all_signs(sizes: npt.NDArray[np.float64]) -> None:
    least = difference(sizes, np.zeros(6), np.arange(6)).least_p_value
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=6)))
    of_all = [difference(some, np.zeros(6), np.arange(6)) for some in signs * sizes]
    assert least == min(each.p_value() for each in of_all)
    assert {each.least_p_value for each in of_all} == {least}


def test_difference_of_equal_values_is_zero() -> None:
    same = difference(HITS.astype(float), HITS.astype(float), ONE_EACH)
    assert (same.mean, same.error, same.p_value()) == (0, 0, 1)
    assert same.interval() == (0, 0, 0)


def test_difference_of_one_user_is_never_significant() -> None:
    found = difference(np.array([1.0, 0.0]), np.zeros(2), np.zeros(2, np.int64))
    assert (found.mean, found.p_value(), found.least_p_value) == (0.5, 1, 1)


def test_mean_and_error_equals_scipys_and_ignores_repeated_queries() -> None:
    values = np.array([0.0, 1.0, 1.0, np.nan, 0.5])
    mean, error, users = mean_and_error(values, np.arange(5))
    assert (mean, users) == (0.625, 4)
    assert error == pytest.approx(stats.sem(values, nan_policy="omit"))
    assert mean_and_error(np.tile(values, 2), np.tile(np.arange(5), 2)) == pytest.approx((mean, error, users))


def test_jackknife_error_of_a_mean_is_its_standard_error() -> None:
    """Each part is one user (Efron and Tibshirani 1993, 11.2)."""
    values = np.array([0.0, 1.0, 1.0, 0.25, 0.5])
    found = jackknife(values.mean(), np.array([np.delete(values, place).mean() for place in range(5)]))
    assert found.error == pytest.approx(stats.sem(values))
    assert found.p_value() == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    nothing = jackknife(math.nan, np.full(5, np.nan))
    assert nothing.p_value() == 1


def test_difference_counts_a_user_with_many_queries_once() -> None:
    """A thousand queries of one user are no evidence: the interval is infinite."""
    ones, zeros = np.ones(1000), np.zeros(1000)
    found = difference(ones, zeros, np.zeros(1000, np.int64))
    assert found.users == 1
    assert found.mean == 1
    assert found.interval().low == -math.inf
    assert math.isnan(difference(np.full(3, np.nan), zeros[:3], np.arange(3)).mean)


def test_minimum_detectable_effect_is_detected_with_its_power() -> None:
    generator = np.random.default_rng(5)
    noise = generator.normal(size=500)
    true = difference(noise, np.zeros(500), np.arange(500)).minimum_detectable_effect()
    seen = [
        difference(generator.normal(true, size=500), np.zeros(500), np.arange(500)).interval().low > 0
        for _ in range(400)
    ]
    assert 0.72 <= np.mean(seen) <= 0.88


def test_holm_equals_a_calculation_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([3 * 0.01, 2 * 0.03, 2 * 0.03])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_tarone_count_counts_tests_that_can_be_significant() -> None:
    assert tarone_count([0.0, 0.0, 0.0]) == 3
    assert tarone_count([0.0, 0.001, 0.03, 0.2]) == 2  # at 2.5% each, two can be significant
    assert tarone_count([0.03, 0.03]) == 2  # both can be significant at 5% each, which would be 10%
    assert tarone_count([0.3]) == tarone_count([]) == 1


def test_bonferroni_level_divides_the_error_rate() -> None:
    assert bonferroni_level(0.95, 1) == pytest.approx(0.95)
    assert bonferroni_level(0.95, 5) == pytest.approx(0.99)
    assert bonferroni_level(0.95, 0) == pytest.approx(0.95)

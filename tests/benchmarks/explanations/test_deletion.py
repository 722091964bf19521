from __future__ import annotations

import numpy as np
import pytest

from benchmarks.explanations.deletion import (
    compare_explanations,
    draw_others,
    named_positions,
    passed_share,
    without,
)
from benchmarks.explanations.run import summarize
from pipeline.explanations.leave_one_out import Mask
from trainer.metrics.lists import Floats


def additive(kept: Mask) -> Floats:
    """Position i adds i to the logarithm; the positions 0 and 1 say the same, so one of them is enough for 10."""
    return np.asarray(kept @ np.arange(kept.shape[1]) + 10.0 * kept[:, :2].any(axis=1), np.float64)


def test_named_positions_have_weight_and_the_newest_comes_first() -> None:
    assert named_positions([0.0, 0.5, 0.1, 0.5], 5) == [3, 1, 2]


def test_others_are_different_positions_that_are_not_named() -> None:
    drawn = draw_others(7, [2, 4, 6], 50, np.random.default_rng(1))
    assert drawn.shape == (50, 3)
    assert {*drawn.flatten()} == {0, 1, 3, 5}
    assert all(len({*row}) == 3 for row in drawn)


def test_without_removes_positions() -> None:
    assert without(3, [[], [2, 0]]).tolist() == [[True, True, True], [False, True, False]]


def test_equal_losses_do_not_pass() -> None:
    assert passed_share(1.0, np.array([1.0, 1.0, 0.5, 2.0])) == 0.25


class TestComparison:
    def test_one_item_is_compared_with_each_other_item(self) -> None:
        # Losses 0 to 7. Leave-one-out and the newest name position 7. Attention names 3, and 3 of 7 others lose less.
        found = compare_explanations(8, np.eye(8)[3].tolist(), additive, np.random.default_rng(1))
        assert found.one == {"leave_one_out": 1.0, "attention": pytest.approx(3 / 7), "newest": 1.0}

    def test_items_removed_together_may_lose_more_than_the_sum_of_their_losses(self) -> None:
        # Alone, 0 and 1 do not lose the 10. Attention names 0, 1 and 7, and loses 0 + 1 + 7 + 10 = 18. Three of the
        # others, 2 to 6, lose between 2 + 3 + 4 = 9 and 4 + 5 + 6 = 15.
        found = compare_explanations(8, [0.5, 0.3, 0, 0, 0, 0, 0, 0.2], additive, np.random.default_rng(1))
        assert found.three["attention"] == 1.0
        # Leave-one-out names 7, 6 and 5: 18. Others lose at most 0 + 1 + 4 + 10 = 15.
        assert found.three["leave_one_out"] == found.three["newest"] == 1.0

    def test_items_that_lose_less_than_others_fail_together(self) -> None:
        # 2, 3 and 4 lose 9. Three of 0, 1, 5, 6 and 7 lose at least 0 + 5 + 6 = 11 or 0 + 1 + 5 + 10 = 16.
        found = compare_explanations(8, [0, 0, 0.2, 0.3, 0.5, 0, 0, 0], additive, np.random.default_rng(1))
        assert found.three["attention"] == 0.0

    def test_explanation_that_names_nothing_fails(self) -> None:
        found = compare_explanations(8, [0.0] * 8, additive, np.random.default_rng(1))
        assert found.one["attention"] == found.three["attention"] == 0.0

    def test_short_history_has_no_second_test(self) -> None:
        found = compare_explanations(5, [0.2] * 5, additive, np.random.default_rng(1))
        assert np.isnan([*found.three.values()]).all()
        assert found.one["attention"] == 1.0  # the newest of equal weights


def test_summary_has_means_over_users_and_the_advantage() -> None:
    asked = [[0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]
    shares = [compare_explanations(len(each), each, additive, np.random.default_rng(1)) for each in asked]
    found = summarize(shares)
    # Attention passes for sure for the first user, and with 2 of 5 for the second one.
    assert found["users"] == 2
    assert found["one"]["attention"].mean == pytest.approx((1 + 2 / 5) / 2)
    assert found["one_advantage"].mean == pytest.approx((0 + 3 / 5) / 2)
    assert found["three"]["leave_one_out"].mean == shares[1].three["leave_one_out"]

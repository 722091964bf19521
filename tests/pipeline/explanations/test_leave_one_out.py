from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.explanations import leave_one_out
from pipeline.explanations.leave_one_out import (
    LEAST_LOSS,
    draw_candidates,
    log_probabilities,
    losses,
    one_left_out,
    weights,
)

SCORES = arrays.arrays(np.float64, (3, 4), elements=st.floats(-20, 20))


def catalogue(size: int) -> np.typing.NDArray[np.object_]:
    return np.array([f"i{number}" for number in range(size)], dtype=object)


class TestCandidates:
    def test_sample_stands_for_all_other_items(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(leave_one_out, "OTHERS", 4)
        ids, represented = draw_candidates(["i1", "i2"], ["i0", "i1"], catalogue(15), np.random.default_rng(1))
        # Of 15 items 2 are listed, and i0 is seen and not listed: 12 others, of which each drawn one stands for 3.
        assert ids[:2] == ["i1", "i2"]
        assert len({*ids}) == 2 + 4
        assert not {"i0", "i1", "i2"} & {*ids[2:]}
        assert represented.tolist() == [1, 1, 3, 3, 3, 3]

    def test_list_of_the_whole_catalogue_has_no_others(self) -> None:
        ids, represented = draw_candidates(["i1", "i0"], [], catalogue(2), np.random.default_rng(1))
        assert (ids, represented.tolist()) == (["i1", "i0"], [1, 1])


class TestLogProbabilities:
    def test_others_count_as_often_as_they_represent_items(self) -> None:
        # The odds 4, 2 and 1, with six items like the last one: 4 + 2 + 6 = 12.
        found = log_probabilities(np.log([[4.0, 2.0, 1.0]]), np.array([1.0, 1.0, 6.0]))
        assert np.exp(found) == pytest.approx(np.array([[4 / 12, 2 / 12, 1 / 12]]))

    @given(SCORES, st.floats(-100, 100))
    def test_number_added_to_a_history_changes_nothing(
        self, scores: np.typing.NDArray[np.float64], added: float
    ) -> None:
        represented = np.array([1.0, 1.0, 2.0, 2.0])
        shifted = scores + np.array([[0.0], [added], [0.0]])
        assert log_probabilities(shifted, represented) == pytest.approx(
            log_probabilities(scores, represented), abs=1e-9
        )


class TestWeights:
    def test_parts_are_the_whole_history_and_each_item_left_out(self) -> None:
        assert one_left_out(2).tolist() == [[True, True], [False, True], [True, False]]

    def test_weight_is_the_fraction_of_all_losses(self) -> None:
        # Two items, two candidates: log-probabilities of the whole history, without the first, without the second.
        found = losses(np.log([[1 / 2, 1 / 4], [1 / 8, 1 / 2], [1 / 4, 1 / 4]]))
        assert found == pytest.approx(np.log([[4.0, 0.5], [2.0, 1.0]]))
        # log 4 and log 2 are 2 : 1. The second candidate gains without the first item, and loses nothing.
        assert weights(found) == pytest.approx(np.array([[2 / 3, 0], [1 / 3, 0]]))

    def test_single_item_has_all_the_weight(self) -> None:
        assert weights(np.array([[-1.0, np.nan]])).tolist() == [[1.0, 1.0]]

    @pytest.mark.parametrize("number", [np.nan, np.inf])
    def test_number_that_is_not_finite_has_no_weight(self, number: float) -> None:
        assert weights(np.array([[number], [log(2)]])).tolist() == [[0.0], [1.0]]

    def test_rounding_errors_have_no_weight(self) -> None:
        assert weights(np.array([[1e-6], [-1e-6], [0.0]])).tolist() == [[0.0]] * 3

    @given(SCORES)
    def test_weights_add_up_to_one_or_zero(self, lost: np.typing.NDArray[np.float64]) -> None:
        found = weights(lost)
        assert (found >= 0).all()
        assert found.sum(axis=0) == pytest.approx((lost >= LEAST_LOSS).any(axis=0).astype(float))

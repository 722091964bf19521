from __future__ import annotations

from math import log

import numpy as np
import pytest

from trainer.metrics.attention_shares import attention_shares


def test_entropy_is_divided_by_the_logarithm_of_the_readable_positions() -> None:
    weights = np.array([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 1.0, 0.0]])
    found = attention_shares(weights, np.array([2, 4, 4, 3]))
    # Two equal weights: log 2. Of two readable positions this is all, of four it is half.
    assert found.entropy == pytest.approx([1.0, 0.5, 1.0, 0.0])
    assert found.largest.tolist() == [0.5, 0.5, 0.25, 1.0]
    assert found.newest.tolist() == [0.5, 0.0, 0.25, 1.0]


def test_weights_are_divided_by_their_sum() -> None:
    found = attention_shares(np.array([[0.1, 0.3]]), np.array([2]))  # 1/4 and 3/4
    assert found.entropy == pytest.approx([(log(4) / 4 + 3 * log(4 / 3) / 4) / log(2)])
    assert (found.largest[0], found.newest[0]) == (pytest.approx(0.75), pytest.approx(0.75))


def test_queries_without_a_choice_or_without_weight_are_left_out() -> None:
    weights = np.array([[1.0, 0.0], [0.0, 0.0], [np.nan, 0.5], [0.0, 0.0]])
    found = attention_shares(weights, np.array([1, 2, 2, 0]))  # one position, no weight, NaN, an empty history
    assert [len(values) for values in found] == [0, 0, 0]

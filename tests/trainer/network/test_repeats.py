import math

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from trainer.network.repeats import repeat_features

HISTORY = st.lists(st.integers(1, 6), max_size=8)


def test_features_are_the_count_and_the_place_of_the_last_repeat() -> None:
    features = repeat_features(tf.constant([[4, 2, 4, 4, 3, 0, 0]], tf.int64), tf.constant([[4, 3, 2, 5]], tf.int64))
    expected = [[math.log(4), 1 / 2], [math.log(2), 1.0], [math.log(2), 1 / 4], [0.0, 0.0]]
    np.testing.assert_allclose(features[0], expected, rtol=1e-6)


@given(histories=st.lists(HISTORY, min_size=1, max_size=3), padding=st.integers(1, 3))
def test_features_equal_counting_in_each_history(histories: list[list[int]], padding: int) -> None:
    width = padding + max(map(len, histories))
    rows = [history + [0] * (width - len(history)) for history in histories]
    candidates = [0, 5, 1, 6, 2, 4, 3, 1]  # in any order, and twice
    found = repeat_features(tf.constant(rows, tf.int64), tf.constant([candidates] * len(rows), tf.int64))
    expected = [
        [[math.log(1 + h.count(item)), 1 / (1 + h[::-1].index(item)) if item in h else 0] for item in candidates]
        for h in histories
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_features_of_no_candidates_are_empty() -> None:
    assert repeat_features(tf.constant([[4, 2]], tf.int64), tf.zeros([1, 0], tf.int64)).shape == (1, 0, 2)

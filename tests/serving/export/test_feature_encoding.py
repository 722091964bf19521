import datetime

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from schemas.features import GAP, HOUR, WEEKDAY
from serving.export.feature_encoding import FeatureEncoding, bucketize, time_deltas, time_feature_ids

SATURDAY_13H_S = 1_600_520_400  # 2020-09-19 13:00 UTC


def ragged(*rows: list[int]) -> tf.RaggedTensor:
    return tf.ragged.constant(rows, tf.int64)


def test_gaps_are_seconds_since_the_interaction_before() -> None:
    found = time_deltas(ragged([100, 100, 160], [], [500], [40, 50])).to_list()

    np.testing.assert_equal(found, [[np.nan, 0.0, 60.0], [], [np.nan], [np.nan, 10.0]])


def test_no_gap_is_known_beside_an_unknown_time() -> None:
    np.testing.assert_equal(time_deltas(ragged([100, 0, 160, 170])).to_list(), [[np.nan, np.nan, np.nan, 10.0]])


def test_no_times_have_no_gaps() -> None:
    assert time_deltas(ragged([], [])).to_list() == [[], []]


@given(st.lists(st.integers(1, 4_000_000_000), min_size=1, max_size=5))
def test_hours_and_weekdays_are_those_of_the_calendar(times: list[int]) -> None:
    codes = time_feature_ids(ragged(times), tf.constant([], tf.float32))
    moments = [datetime.datetime.fromtimestamp(time, datetime.timezone.utc) for time in times]

    assert codes[HOUR].to_list() == [[1 + moment.hour for moment in moments]]
    assert codes[WEEKDAY].to_list() == [[1 + moment.weekday() for moment in moments]]


def test_what_is_not_known_is_0() -> None:
    codes = time_feature_ids(ragged([0, SATURDAY_13H_S, SATURDAY_13H_S + 30]), tf.constant([10.0, 20.0]))

    assert {name: values.to_list() for name, values in codes.items()} == {
        GAP: [[0, 0, 3]],
        HOUR: [[0, 14, 14]],
        WEEKDAY: [[0, 6, 6]],
    }


def test_a_bucket_holds_its_lower_end() -> None:
    numbers = tf.constant([[-5.0, 1.0, 1.5], [2.0, np.nan, np.inf]])

    assert bucketize(numbers, tf.constant([1.0, 2.0])).numpy().tolist() == [[1, 2, 2], [3, 0, 3]]


@given(
    st.lists(st.floats(-100, 100, width=32, allow_subnormal=False), min_size=1, max_size=9),
    st.lists(st.floats(-100, 100, width=32, allow_subnormal=False), max_size=5).map(sorted),
)
def test_buckets_are_those_of_numpy(numbers: list[float], boundaries: list[float]) -> None:
    codes = bucketize(tf.constant(numbers), tf.constant(boundaries, tf.float32))

    assert codes.numpy().tolist() == (1 + np.digitize(numbers, boundaries)).tolist()


@pytest.mark.parametrize(("text", "categories"), [("red\nblue sky\n", ["red", "blue sky"]), ("", [])])
def test_a_vocabulary_has_a_code_a_line_and_one_for_what_is_not_in_it(
    tmp_path: str, text: str, categories: list[str]
) -> None:
    path = f"{tmp_path}/colours"
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)

    assert FeatureEncoding(vocabulary_file=path).categories() == categories
    assert FeatureEncoding(vocabulary_file=path).size() == 1 + len(categories) + 1

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


def test_time_deltas_are_seconds_since_the_previous_interaction() -> None:
    found = time_deltas(ragged([100, 100, 160], [], [500], [40, 50])).to_list()

    np.testing.assert_equal(found, [[np.nan, 0.0, 60.0], [], [np.nan], [np.nan, 10.0]])


def test_time_deltas_next_to_a_missing_time_are_nan() -> None:
    np.testing.assert_equal(time_deltas(ragged([100, 0, 160, 170])).to_list(), [[np.nan, np.nan, np.nan, 10.0]])


def test_time_deltas_of_empty_rows_are_empty() -> None:
    assert time_deltas(ragged([], [])).to_list() == [[], []]


@given(st.lists(st.integers(1, 4_000_000_000), min_size=1, max_size=5))
def test_time_feature_ids_agree_with_the_calendar(times: list[int]) -> None:
    codes = time_feature_ids(ragged(times), tf.constant([], tf.float32))
    moments = [datetime.datetime.fromtimestamp(time, datetime.timezone.utc) for time in times]

    assert codes[HOUR].to_list() == [[1 + moment.hour for moment in moments]]
    assert codes[WEEKDAY].to_list() == [[1 + moment.weekday() for moment in moments]]


def test_time_feature_ids_of_a_missing_time_are_0() -> None:
    codes = time_feature_ids(ragged([0, SATURDAY_13H_S, SATURDAY_13H_S + 30]), tf.constant([10.0, 20.0]))

    assert {name: values.to_list() for name, values in codes.items()} == {
        GAP: [[0, 0, 3]],
        HOUR: [[0, 14, 14]],
        WEEKDAY: [[0, 6, 6]],
    }


def test_bucketize_bucket_contains_its_lower_boundary() -> None:
    numbers = tf.constant([[-5.0, 1.0, 1.5], [2.0, np.nan, np.inf]])

    assert bucketize(numbers, tf.constant([1.0, 2.0])).numpy().tolist() == [[1, 2, 2], [3, 0, 3]]


@given(
    st.lists(st.floats(-100, 100, width=32, allow_subnormal=False), min_size=1, max_size=9),
    st.lists(st.floats(-100, 100, width=32, allow_subnormal=False), max_size=5).map(sorted),
)
def test_bucketize_agrees_with_numpy(numbers: list[float], boundaries: list[float]) -> None:
    codes = bucketize(tf.constant(numbers), tf.constant(boundaries, tf.float32))

    assert codes.numpy().tolist() == (1 + np.digitize(numbers, boundaries)).tolist()


@pytest.mark.parametrize(("text", "categories"), [("red\nblue sky\n", ["red", "blue sky"]), ("", [])])
def test_encoding_of_a_vocabulary_has_an_id_for_each_line_and_for_unknown_and_missing(
    tmp_path: str, text: str, categories: list[str]
) -> None:
    path = f"{tmp_path}/colours"
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)

    assert FeatureEncoding(vocabulary_file=path).categories() == categories
    assert FeatureEncoding(vocabulary_file=path).id_count() == 1 + len(categories) + 1

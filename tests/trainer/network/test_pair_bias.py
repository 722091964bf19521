"""Biases of attention by the distance of two positions, and by the time between them."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.network.pair_bias import PairBias


def layer() -> PairBias:
    """Return a layer with one head. The bias of a distance is the number of its bucket, that of a time 100 times it."""
    made = PairBias(heads=1, reads_times=True)
    by_distance, by_time = made.trainable_variables
    by_distance.assign(tf.range(by_distance.shape[0], dtype=tf.float32)[:, tf.newaxis])
    by_time.assign(100.0 * tf.range(by_time.shape[0], dtype=tf.float32)[:, tf.newaxis])
    return made


def test_each_short_distance_has_its_own_bias_and_long_ones_share_it() -> None:
    biases = layer()(300, tf.zeros([1, 300])).numpy()
    assert biases.shape == (1, 1, 300, 300)
    of_last = biases[0, 0, -1, ::-1]  # by distance
    assert of_last[:17].tolist() == list(range(17))
    assert (np.diff(of_last) >= 0).all()
    assert of_last[128] == of_last[299] == of_last.max()  # the longest bucket
    assert of_last[127] < of_last[128]
    assert len(set(of_last)) < 40
    assert (biases[0, 0][np.triu_indices(300)] == 0).all()  # no earlier position


@pytest.mark.parametrize("origin_s", [0.0, 5_000.0])
def test_time_between_positions_has_a_bias_for_each_power_of_two_seconds(origin_s: float) -> None:
    elapsed_s = tf.constant([[0.0, 0.5, 1.0, 9.0, 3e9]]) + origin_s
    of_time = (layer()(5, elapsed_s) - layer()(5, tf.zeros([1, 5]))).numpy()[0, 0]
    assert of_time[2].tolist() == [100, 0, 0, 0, 0]  # 1 s and half a second before
    assert of_time[3, :3].tolist() == [400, 400, 400]  # 8 to 16 s
    assert of_time[4, :4].tolist() == [3_100] * 4  # 34 years and more


def test_biases_start_at_zero_and_differ_by_head() -> None:
    made = PairBias(heads=3, reads_times=True)
    assert not made(4, tf.constant([[0.0, 1.0, 2.0, 3.0]])).numpy().any()
    made.trainable_variables[0].assign_add([[0.0, 1.0, 2.0]] * made.trainable_variables[0].shape[0])
    assert made(4, tf.zeros([1, 4])).numpy()[0, :, 3, 0].tolist() == [0, 1, 2]


def test_without_times_there_are_no_biases_for_them() -> None:
    made = PairBias(heads=3, reads_times=False)
    assert len(made.trainable_variables) == 1
    assert made(4, None).shape == (1, 3, 4, 4)

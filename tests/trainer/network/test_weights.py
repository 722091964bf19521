import numpy as np
import tensorflow as tf

from trainer.network.weights import decays, with_distinct_rows


def test_decays_ignores_names_of_columns() -> None:
    assert decays(tf.Variable(1.0, name="beta_group/vectors"))
    assert not decays(tf.Variable(1.0, name="group/beta"))


def test_distinct_rows_add_repeated_rows_of_the_same_gradient() -> None:
    gradient = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([3, 0, 3]), tf.constant([4, 1]))

    found = with_distinct_rows(gradient)

    assert sorted(found.indices.numpy().tolist()) == [0, 3]
    np.testing.assert_array_equal(tf.convert_to_tensor(found), [[2.0], [0.0], [0.0], [5.0]])


def test_distinct_rows_leave_a_dense_gradient_unchanged() -> None:
    gradient = tf.constant([[1.0], [2.0]])

    assert with_distinct_rows(gradient) is gradient

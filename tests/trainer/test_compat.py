"""The private attributes that `trainer.compat` reads exist, and mean what it says."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.events import scalars
from trainer import compat


def stepped(optimizer: tf.keras.optimizers.Optimizer, *variables: tf.Variable) -> None:
    """Apply one step with gradients of 1, 2, ..., in the order of the variables."""
    gradients = [tf.fill(variable.shape, float(i)) for i, variable in enumerate(variables, start=1)]
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def test_learning_rate_schedule_is_the_one_given() -> None:
    schedule = tf.keras.optimizers.schedules.CosineDecay(0.1, 10)

    assert compat.learning_rate_schedule(tf.keras.optimizers.AdamW(schedule)) is schedule


def test_moments_are_those_of_the_variable() -> None:
    first, second = tf.Variable([0.0, 0.0]), tf.Variable([[0.0]])
    optimizer = tf.keras.optimizers.AdamW(0.1, beta_1=0.9, beta_2=0.99)

    stepped(optimizer, first, second)

    np.testing.assert_allclose(compat.first_moment(optimizer, first), [0.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(compat.second_moment(optimizer, first), [0.01, 0.01], rtol=1e-5)
    np.testing.assert_allclose(compat.first_moment(optimizer, second), [[0.2]], rtol=1e-6)
    np.testing.assert_allclose(compat.second_moment(optimizer, second), [[0.04]], rtol=1e-5)


def test_moments_that_are_assigned_are_used_in_the_next_step() -> None:
    variable = tf.Variable([0.0])
    optimizer = tf.keras.optimizers.AdamW(0.1)
    stepped(optimizer, variable)
    before = float(variable[0])
    compat.first_moment(optimizer, variable).assign([-10.0])

    stepped(optimizer, variable)

    assert before < 0 < float(variable[0])


def test_weight_decay_is_left_out_where_its_method_is_overridden() -> None:
    """`SparseAdamW` overrides Keras's private method to decay only the rows that a step uses."""

    class WithoutDecay(tf.keras.optimizers.AdamW):
        def _apply_weight_decay(self, variables: list[tf.Variable]) -> None:
            """Do nothing."""

    after = []
    for kind in (tf.keras.optimizers.AdamW, WithoutDecay):
        variable = tf.Variable([2.0])
        kind(0.1, weight_decay=0.5).apply_gradients([(tf.constant([0.0]), variable)])
        after.append(float(variable[0]))
    assert after == pytest.approx([1.9, 2.0])


def test_writer_resource_is_taken_by_raw_operations(tmp_path: Path) -> None:
    writer = tf.summary.create_file_writer(str(tmp_path))
    summary = tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag="loss", simple_value=0.5)])
    event = tf.compat.v1.Event(wall_time=1.0, step=3, summary=summary)

    tf.raw_ops.ImportEvent(writer=compat.writer_resource(writer), event=event.SerializeToString())
    writer.close()

    assert scalars(tmp_path, "loss") == {3: 0.5}

"""Private attributes of Keras and TensorFlow, each behind a function that says what it means.

`tests/trainer/test_compat.py` checks them with both dependency sets. Read a private attribute nowhere else.
"""

from __future__ import annotations

import tensorflow as tf


def learning_rate_schedule(
    optimizer: tf.keras.optimizers.Optimizer,
) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    """Return the schedule of an optimizer: its public `learning_rate` is only the value at the last step."""
    return optimizer._learning_rate


def first_moment(optimizer: tf.keras.optimizers.AdamW, variable: tf.Variable) -> tf.Variable:
    """Return Adam's running mean of a variable's gradients, in the variable's shape."""
    return optimizer._momentums[_index(optimizer, variable)]


def second_moment(optimizer: tf.keras.optimizers.AdamW, variable: tf.Variable) -> tf.Variable:
    """Return Adam's running mean of a variable's squared gradients, in the variable's shape."""
    return optimizer._velocities[_index(optimizer, variable)]


def writer_resource(writer: tf.summary.SummaryWriter) -> tf.Tensor:
    """Return the handle of a summary writer that raw operations take."""
    return writer._resource


def _index(optimizer: tf.keras.optimizers.Optimizer, variable: tf.Variable) -> int:
    return optimizer._index_dict[optimizer._var_key(variable)]

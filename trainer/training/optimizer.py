"""The optimizer and its learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from schemas.config import TrainConfig

_FINAL_RATE = 0.01  # of the learning rate, at the end of the last epoch
_NOT_DECAYED = ("bias", "gamma", "beta")  # in the last part of their names
_WARMUP = 4  # the rise is at most a fourth of the training


def optimizer(train: TrainConfig, steps: int) -> tf.keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) for so many steps, gradients clipped by their common norm.

    The rate warms up linearly, for a fourth of the steps at most. Then it falls in a cosine to 1 % of the
    configured rate, or, where the schedule is `plateau`, stays until its
    `scale` is lowered. Biases and the scales of norms do not decay.
    """
    return SparseAdamW(
        WarmupSchedule(train, steps),
        weight_decay=train.weight_decay,
        global_clipnorm=train.clip_norm,
        jit_compile=False,  # on a GPU, every new number of rows would be compiled anew
    )


def decays(variable: tf.Variable) -> bool:
    """Whether a weight is one that decays: no bias, and no scale of a norm."""
    return not any(name in variable.name.rpartition("/")[2] for name in _NOT_DECAYED)


class SparseAdamW(tf.keras.optimizers.AdamW):
    """AdamW that touches only the rows that a sparse gradient names.

    Keras moves every row of a table in every step, which costs as much as the
    table is large. Here a row's moments decay in the steps that use it, as in
    the "lazy" Adam of TensorFlow Addons, and so does its weight.
    """

    @property
    def schedule(self) -> WarmupSchedule:
        """The learning rate's schedule: Keras's `learning_rate` is its value at the last step."""
        return self._learning_rate

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        """Nothing: `update_step` knows which rows are to decay."""

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        """Updates a variable; the indices of a sparse gradient are distinct."""
        if not isinstance(gradient, tf.IndexedSlices):
            if decays(variable):
                variable.assign_sub(self.learning_rate * self.weight_decay * variable)
            super().update_step(gradient, variable)
            return
        rows, step = gradient.indices, tf.cast(self.iterations + 1, variable.dtype)
        index = self._index_dict[self._var_key(variable)]

        def moved(moments: list[tf.Variable], values: tf.Tensor, rate: float) -> tf.Tensor:
            mean = rate * tf.gather(moments[index], rows) + (1.0 - rate) * values
            moments[index].scatter_update(tf.IndexedSlices(mean, rows))
            return mean / (1.0 - tf.pow(rate, step))

        first = moved(self._momentums, gradient.values, self.beta_1)
        second = moved(self._velocities, tf.square(gradient.values), self.beta_2)
        change = first / (tf.sqrt(second) + self.epsilon)
        if decays(variable):
            change += self.weight_decay * tf.gather(variable, rows)
        variable.scatter_sub(tf.IndexedSlices(self.learning_rate * change, rows))


class WarmupSchedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to the configured rate, and what follows it.

    Args:
        train: the rate, the steps of the rise, and the schedule after it.
        steps: how many there will be in all.
    """

    def __init__(self, train: TrainConfig, steps: int) -> None:
        super().__init__()
        self._rate = train.learning_rate
        self._warmup = min(train.warmup_steps, steps // _WARMUP)
        self._cosine = (
            tf.keras.optimizers.schedules.CosineDecay(train.learning_rate, steps - self._warmup, alpha=_FINAL_RATE)
            if train.schedule == "cosine"
            else None
        )
        self.scale = tf.Variable(1.0, trainable=False, name="rate_scale")

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The rate at a step, counted from 0."""
        step, warmup = tf.cast(step, tf.float32), tf.cast(self._warmup, tf.float32)
        settled = self._cosine(step - warmup) if self._cosine else self._rate
        return self.scale * tf.where(step < warmup, self._rate * step / tf.maximum(warmup, 1.0), settled)

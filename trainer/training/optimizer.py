"""The optimizer and its learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from schemas.config import TrainConfig
from trainer import compat
from trainer.network.weights import decays

_FINAL_RATE = 0.01  # of the learning rate, at the end of the last epoch
_MAX_WARMUP = 4  # the warm-up takes at most one in so many steps


def make_optimizer(train: TrainConfig, steps: int) -> SparseAdamW:
    """Return AdamW (Loshchilov and Hutter 2019) with gradients clipped by their global norm.

    Biases and the scales of norms do not decay.

    Args:
        train: the learning rate and its schedule, the decay, and the norm to clip by.
        steps: all steps of the training.
    """
    return SparseAdamW(
        WarmupSchedule(train, steps),
        weight_decay=train.weight_decay,
        global_clipnorm=train.clip_norm,
        jit_compile=False,  # a GPU would compile it again for each new number of rows
    )


class SparseAdamW(tf.keras.optimizers.AdamW):
    """AdamW that changes only the rows that a sparse gradient names.

    Keras changes every row of a table in every step, at a cost in proportion
    to the table's size. Here a row's moments and its weights decay only in the
    steps that use it, as in the "lazy" Adam of TensorFlow Addons.
    """

    @property
    def schedule(self) -> WarmupSchedule:
        """The schedule of the learning rate; `learning_rate` is its value at the last step."""
        return compat.learning_rate_schedule(self)

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        """Do nothing: `update_step` decays the rows that it updates."""

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        """Update a variable.

        Args:
            gradient: of the variable; the rows of a sparse one are distinct.
            variable: the trainable weight.
        """
        if not isinstance(gradient, tf.IndexedSlices):
            if decays(variable):
                variable.assign_sub(self.learning_rate * self.weight_decay * variable)
            super().update_step(gradient, variable)
            return
        rows, step = gradient.indices, tf.cast(self.iterations + 1, variable.dtype)

        def update(moment: tf.Variable, values: tf.Tensor, rate: float) -> tf.Tensor:
            mean = rate * tf.gather(moment, rows) + (1.0 - rate) * values
            moment.scatter_update(tf.IndexedSlices(mean, rows))
            return mean / (1.0 - tf.pow(rate, step))

        first = update(compat.first_moment(self, variable), gradient.values, self.beta_1)
        second = update(compat.second_moment(self, variable), tf.square(gradient.values), self.beta_2)
        change = first / (tf.sqrt(second) + self.epsilon)
        if decays(variable):
            change += self.weight_decay * tf.gather(variable, rows)
        variable.scatter_sub(tf.IndexedSlices(self.learning_rate * change, rows))


class WarmupSchedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up to the configured rate, then a cosine or a plateau.

    The cosine falls to 1% of the configured rate. On a plateau, `scale` lowers
    the rate. Keras's own warm-up rounds differently and knows no plateau, see
    docs/decisions.md.

    Args:
        train: the rate, the steps of the warm-up (at most a fourth of all), and the schedule after it.
        steps: all steps of the training.
    """

    def __init__(self, train: TrainConfig, steps: int) -> None:
        super().__init__()
        self._rate = train.learning_rate
        self._warmup = min(train.warmup_steps, steps // _MAX_WARMUP)
        self._cosine = (
            tf.keras.optimizers.schedules.CosineDecay(train.learning_rate, steps - self._warmup, alpha=_FINAL_RATE)
            if train.schedule == "cosine"
            else None
        )
        self.scale = tf.Variable(1.0, trainable=False, name="rate_scale")

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the learning rate at a step, counted from 0."""
        step, warmup = tf.cast(step, tf.float32), tf.cast(self._warmup, tf.float32)
        after = self._cosine(step - warmup) if self._cosine else self._rate
        rate = tf.where(step < warmup, self._rate * step / tf.maximum(warmup, 1.0), after)
        return rate if self._cosine else self.scale * rate

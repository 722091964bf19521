"""One training step: the gradients of a batch, computed in parts and added over replicas."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from schemas.features import ITEM_IDS, PADDING_ID
from trainer.data.batches import NEXT_IDS
from trainer.network.weights import with_distinct_rows

Batch = dict[str, tf.Tensor]

STEP = "step_"  # prefix of the logs of a single step; the others are means of the epoch
LOSSES = ("loss", "retrieval_loss")


class JointLossModel(tfrs.Model):
    """A model with one loss for several tasks, and the step that trains it.

    A subclass defines `joint_loss`, and creates `train_means` after its layers.

    Args:
        parts: parts in which the gradients of a batch are computed, to save memory.
    """

    train_means: dict[str, tf.keras.metrics.Mean]  # of the epoch, by the names in `LOSSES`

    def __init__(self, parts: int) -> None:
        super().__init__()
        self._parts = parts

    def joint_loss(self, inputs: Batch, targets: tf.Tensor, training: bool) -> Batch:
        """Return the losses of some histories as their part of a mean over the whole batch.

        Args:
            inputs: `{item_ids, next_ids}` int64 [batch, length], and the codes that the model reads.
            targets: float32 scalar, the targets of the whole batch.
            training: whether dropout is on.

        Returns:
            Scalars by the names in `LOSSES`.
        """
        raise NotImplementedError

    def compute_loss(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        """Return the joint loss of a training batch, a scalar.

        Args:
            inputs: as in `joint_loss`.
            training: whether dropout is on.
        """
        return self.joint_loss(inputs, _targets(inputs), training)["loss"]

    # AutoGraph does not recognize Keras 2 outside of TensorFlow and would convert all of it: 20 s for nothing.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, inputs: Batch) -> Batch:
        """Update the weights once.

        Args:
            inputs: as in `joint_loss`; the histories of this replica.

        Returns:
            The mean losses of the epoch so far, and two values of this step:
            its loss, and the norm of all its gradients before they are clipped.
        """
        replicas = tf.distribute.get_replica_context()
        targets = replicas.all_reduce(tf.distribute.ReduceOp.SUM, _targets(inputs))
        losses, gradients = self._gradients(inputs, targets)
        summed = [
            (with_distinct_rows(gradient), variable)
            for gradient, variable in self.optimizer.aggregate_gradients(
                zip(gradients, self.trainable_variables, strict=True)
            )
        ]
        self.optimizer.apply_gradients(summed, skip_gradients_aggregation=True)
        losses = replicas.all_reduce(tf.distribute.ReduceOp.SUM, losses)
        for name, loss in losses.items():
            self.train_means[name].update_state(loss)
        return {
            **{name: mean.result() for name, mean in self.train_means.items()},
            f"{STEP}loss": losses["loss"],
            f"{STEP}gradient_norm": tf.linalg.global_norm([gradient for gradient, _ in summed]),
        }

    def _gradients(self, inputs: Batch, targets: tf.Tensor) -> tuple[Batch, list[tf.Tensor]]:
        """Return the losses of a batch and the gradients of its loss, added over the parts of the batch."""
        if self._parts == 1:
            return self._gradients_of_part(inputs, targets)
        size = -(-tf.shape(inputs[ITEM_IDS])[0] // self._parts)

        def add_part(part: tf.Tensor, *sums: Any) -> tuple[tf.Tensor, Any]:
            some = {name: x[part * size : (part + 1) * size] for name, x in inputs.items()}
            return part + 1, *tf.nest.map_structure(tf.add, sums, self._gradients_of_part(some, targets))

        _, losses, gradients = tf.while_loop(
            lambda part, *_: part < self._parts,
            add_part,
            (
                0,
                {name: tf.zeros([]) for name in self.train_means},
                [tf.zeros_like(variable) for variable in self.trainable_variables],
            ),
            parallel_iterations=1,
        )
        return losses, gradients

    def _gradients_of_part(self, inputs: Batch, targets: tf.Tensor) -> tuple[Batch, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            losses = self.joint_loss(inputs, targets, training=True)
        return losses, tape.gradient(losses["loss"], self.trainable_variables)


def _targets(inputs: Batch) -> tf.Tensor:
    """Return how many targets a batch has, a float32 scalar."""
    return tf.reduce_sum(tf.cast(inputs[NEXT_IDS] != PADDING_ID, tf.float32))

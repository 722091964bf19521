"""The tasks that a network learns in addition to the next item: their losses, and their metrics on held-out data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.tasks import ItemCategoryConfig, NextCategoryConfig, TaskConfig, ValueConfig
from schemas.features import VALUE
from trainer.data.item_features import Labels
from trainer.metrics.classification import class_metrics, confusion_matrix, macro_f1
from trainer.network.item_tower import ItemTower
from trainer.network.item_vectors import ItemVectors

_DRAWN = 256  # items in a step of `ItemCategory`
_DROPOUT = 0.5  # of the content that `ItemCategory` reads: there are few items


class TaskInputs(NamedTuple):
    """What a network knows when it makes a task.

    Args:
        dim: width of the states and of the items' vectors.
        tower: the tower of the items.
        labels: by column, the categories of the items.
        value_buckets: the number of buckets of the value.
        seed: decides which items are held out.
    """

    dim: int
    tower: ItemTower
    labels: Mapping[str, Labels]
    value_buckets: int = 1
    seed: int = 0


class TaskBatch(NamedTuple):
    """The targets of a batch.

    Args:
        states: float32 [n, dim], the state before each target.
        item_ids: int64 [n], the targets.
        values: int64 [n], the code of each target's value, 0 if missing; None if no task reads values.
        weights: float32 [n], the weight of each target divided by the number of targets of the whole batch.
        part: float32 scalar, the fraction of the targets of the whole batch that are here.
        items: the vectors of the items in this step.
        training: whether dropout is on.
    """

    states: tf.Tensor
    item_ids: tf.Tensor
    values: tf.Tensor | None
    weights: tf.Tensor
    part: tf.Tensor
    items: ItemVectors
    training: bool


class Task(tf.keras.layers.Layer):
    """A task: a loss over the targets of a batch, and metrics over the targets of a validation."""

    def loss(self, batch: TaskBatch) -> tf.Tensor:
        """Return the loss of a batch, a scalar: a mean over the whole batch, or this part's share of it."""
        raise NotImplementedError

    def measure(self, batches: Iterable[TaskBatch]) -> dict[str, Any]:
        """Return the metrics, as JSON can hold them.

        Args:
            batches: the targets of the validation.
        """
        raise NotImplementedError


class NextCategory(Task):
    """A softmax over categories, whose target is an equal share for each category of the next item."""

    def __init__(self, config: NextCategoryConfig, inputs: TaskInputs) -> None:
        super().__init__(name="next_category")
        labels = inputs.labels[config.column]
        self._names = labels.names
        self._shares = tf.Variable(_shares(labels), trainable=False, name="next_category/shares")
        self._scores = tf.keras.layers.Dense(len(labels.names), name="next_category/scores")

    def loss(self, batch: TaskBatch) -> tf.Tensor:
        """Return the cross-entropy; a target without a category counts as 0."""
        shares = tf.gather(self._shares, batch.item_ids)
        losses = tf.nn.softmax_cross_entropy_with_logits(shares, self._scores(batch.states))
        return tf.reduce_sum(batch.weights * losses)

    def measure(self, batches: Iterable[TaskBatch]) -> dict[str, Any]:
        """Return how often the best category is one of the next item's, and how often the most frequent one is."""
        hits, counts, targets = 0, np.zeros(len(self._names)), 0
        for batch in batches:
            shares = tf.gather(self._shares, batch.item_ids).numpy() > 0
            best = tf.argmax(self._scores(batch.states), axis=1).numpy()
            hits += int(shares[np.arange(len(best)), best].sum())
            counts += shares.sum(axis=0)
            targets += int(shares.any(axis=1).sum())
        most_frequent = float(counts.max()) / max(targets, 1)
        return {"targets": targets, "accuracy": hits / max(targets, 1), "accuracy_of_most_frequent": most_frequent}


class Value(Task):
    """A regression of the value's quantile in the log, from 0 to 1, on the state and the item, by a cross-entropy."""

    def __init__(self, config: ValueConfig, inputs: TaskInputs) -> None:
        super().__init__(name="value")
        self._buckets = max(inputs.value_buckets, 2)
        self._of_state = tf.keras.layers.Dense(inputs.dim, name="value/of_state")
        self._offset = tf.keras.layers.Dense(1, name="value/offset")

    def loss(self, batch: TaskBatch) -> tf.Tensor:
        """Return the cross-entropy; a target without a value counts as 0."""
        quantiles, known = self._quantiles(batch)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(quantiles, self._logits(batch))
        return tf.reduce_sum(tf.where(known, batch.weights * losses, 0.0))

    def measure(self, batches: Iterable[TaskBatch]) -> dict[str, Any]:
        """Return the mean absolute error of the quantile, and that of the best constant."""
        found, expected = [], []
        for batch in batches:
            quantiles, known = self._quantiles(batch)
            found.append(tf.boolean_mask(tf.sigmoid(self._logits(batch)), known).numpy())
            expected.append(tf.boolean_mask(quantiles, known).numpy())
        errors = np.abs(np.concatenate(found) - np.concatenate(expected))
        of_median = np.abs(np.concatenate(expected) - np.median(np.concatenate(expected))) if len(errors) else errors
        mean, constant = (float(each.mean()) if len(each) else 0.0 for each in (errors, of_median))
        return {"targets": len(errors), "absolute_error": mean, "absolute_error_of_median": constant}

    def _quantiles(self, batch: TaskBatch) -> tuple[tf.Tensor, tf.Tensor]:
        if batch.values is None:
            raise ValueError(f"the task value needs the codes of {VALUE}")
        quantiles = tf.cast(batch.values - 1, tf.float32) / (self._buckets - 1)
        return tf.clip_by_value(quantiles, 0.0, 1.0), batch.values > 0

    def _logits(self, batch: TaskBatch) -> tf.Tensor:
        vectors, _ = batch.items.look_up(batch.item_ids)
        products = tf.reduce_sum(self._of_state(batch.states) * vectors, axis=1)
        return products + self._offset(vectors)[:, 0] + self._offset(batch.states)[:, 0]


class ItemCategory(Task):
    """A softmax over the category of an item, from its content except for this category.

    The scores of the training have the logarithm of each class's frequency added, so that rare classes are predicted as
    often as they occur (Ren et al. 2020, balanced softmax; Menon et al. 2021, logit adjustment).
    """

    def __init__(self, config: ItemCategoryConfig, inputs: TaskInputs) -> None:
        super().__init__(name="item_category")
        labels = inputs.labels[config.column]
        self.items, self._column, self._names = inputs.tower, config.column, labels.names
        classes = labels.codes[:, 0]
        drawn = np.random.Generator(np.random.Philox(inputs.seed)).permutation(np.flatnonzero(classes))
        count = round(config.held_out * len(drawn))
        self.held_out, trained = np.sort(drawn[:count]), np.sort(drawn[count:])
        self._classes = tf.Variable(np.maximum(classes - 1, 0), trainable=False, name="item_category/classes")
        self._trained = tf.Variable(trained, trainable=False, name="item_category/trained")
        counts = np.bincount(classes[trained], minlength=len(labels.names) + 1)[1:]
        self._log_frequencies = tf.constant(np.log(np.maximum(counts, 0.5)), tf.float32)
        self._dropout = tf.keras.layers.Dropout(_DROPOUT)
        self._scores = tf.keras.layers.Dense(len(labels.names), name="item_category/scores")

    def loss(self, batch: TaskBatch) -> tf.Tensor:
        """Return the cross-entropy of items that are drawn anew, as the part that the targets are of the batch."""
        rows = tf.random.get_global_generator().uniform([_DRAWN], 0, tf.shape(self._trained)[0], tf.int32)
        item_ids = tf.gather(self._trained, rows)
        scores = self._scores_of(item_ids, batch.training) + self._log_frequencies
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(self._classes, item_ids), scores)
        return tf.reduce_mean(losses) * batch.part

    def measure(self, batches: Iterable[TaskBatch]) -> dict[str, Any]:
        """Return precision, recall and F1 of each class and the confusion matrix, on the items that were held out."""
        classes = self._classes.numpy()[self.held_out]
        matrix = confusion_matrix(classes, self.predict(self.held_out), len(self._names))
        found = class_metrics(matrix, self._names)
        kept = [self._names.index(each.name) for each in found]
        return {
            "items": len(self.held_out),
            "macro_f1": macro_f1(found),
            "accuracy": float(np.trace(matrix) / max(len(self.held_out), 1)),
            "classes": [each._asdict() for each in found],
            "confusion": matrix[np.ix_(kept, kept)].tolist(),
        }

    def predict(self, item_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the most probable class of items, [n], by the place of its name from 0.

        Args:
            item_ids: [n].
        """
        parts = [item_ids[start : start + _DRAWN] for start in range(0, len(item_ids), _DRAWN)]
        found = [tf.argmax(self._scores_of(tf.constant(part), training=False), axis=1).numpy() for part in parts]
        return np.concatenate([*found, np.zeros(0, np.int64)])

    def _scores_of(self, item_ids: tf.Tensor, training: bool) -> tf.Tensor:
        content = self.items.content(item_ids, training, without=self._column)
        return self._scores(self._dropout(content, training=training))


def _shares(labels: Labels) -> npt.NDArray[np.float32]:
    """Return the share of each category in an item, float32 [1 + items, categories]."""
    rows, places = np.nonzero(labels.codes)
    shares = np.zeros([len(labels.codes), len(labels.names)], np.float32)
    shares[rows, labels.codes[rows, places] - 1] = 1.0
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)


# Each function makes a task from its configuration and what the network knows.
TASKS: Mapping[str, Callable[[Any, TaskInputs], Task]] = {
    "next_category": NextCategory,
    "value": Value,
    "item_category": ItemCategory,
}


class WeightedTasks(tf.keras.layers.Layer):
    """All further tasks of a network, with weights that are given or learned.

    A learned weight is exp(-s), and s is added to the loss, so that a weight of 0 does not lower it (Kendall et al.
    2018, equation 10). The given weight is then the initial one.

    Args:
        configs: the tasks.
        inputs: what the network knows.
        learned: whether the weights are learned, also that of the next item.
    """

    def __init__(self, configs: tuple[TaskConfig, ...], inputs: TaskInputs, learned: bool) -> None:
        super().__init__(name="tasks")
        self.tasks = {config.kind: TASKS[config.kind](config, inputs) for config in configs}
        self._given = tf.constant([1.0, *(config.weight for config in configs)])
        initial = tf.keras.initializers.Constant(-np.log(self._given.numpy()))
        self._log_variances = (
            self.add_weight(name="tasks/log_variances", shape=[1 + len(configs)], initializer=initial)
            if learned
            else None
        )

    @property
    def names(self) -> list[str]:
        """The kinds of the tasks, in their order."""
        return list(self.tasks)

    def losses_of(self, batch: TaskBatch) -> dict[str, tf.Tensor]:
        """Return the loss of each task, by its kind."""
        return {name: task.loss(batch) for name, task in self.tasks.items()}

    def weighted(self, next_item: tf.Tensor, losses: Mapping[str, tf.Tensor], part: tf.Tensor) -> tf.Tensor:
        """Return the weighted sum of the losses.

        Args:
            next_item: the loss of the next item, a scalar.
            losses: the losses of the tasks, as from `losses_of`.
            part: as in `TaskBatch`.
        """
        stacked = tf.stack([next_item, *losses.values()])
        if self._log_variances is None:
            return tf.tensordot(self._given, stacked, 1)
        return tf.tensordot(tf.exp(-self._log_variances), stacked, 1) + part * tf.reduce_sum(self._log_variances)

    def measure(self, batches: Callable[[], Iterable[TaskBatch]]) -> dict[str, Any]:
        """Return the metrics of each task.

        Args:
            batches: returns the targets of the validation anew for each task.
        """
        return {name: task.measure(batches()) for name, task in self.tasks.items()}

"""The retrieval task: each target among all items, or among a sample of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from schemas.config import LossConfig
from trainer.network.item_vectors import ItemVectors
from trainer.network.losses import calibrated_binary, full_softmax, sampled_softmax


class CatalogueRetrieval(tf.keras.layers.Layer, tfrs.tasks.Task):
    """Retrieval with the whole catalogue, or a sample of it, as candidates.

    `tfrs.tasks.Retrieval` pairs query i with candidate i and scores all pairs
    at once. Over a catalogue many queries have the same positive, so here each
    query names its own; docs/decisions.md says why nothing of it is inherited.

    Args:
        loss: which loss in `trainer.network.losses`, and how many negatives.
        target_fractions: float [items], the fraction of the targets that each item is; the sum is 1.
    """

    def __init__(self, loss: LossConfig, target_fractions: npt.NDArray[np.float32]) -> None:
        super().__init__(name="retrieval")
        self._settings = loss
        self._shares = tf.Variable(tf.concat([[0.0], target_fractions], axis=0), trainable=False, name="shares")

    def call(self, queries: tf.Tensor, items: ItemVectors, positives: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Return the loss of some targets.

        Args:
            queries: float [n, dim]. Keras casts them to the compute type of layers; products are in that type.
            items: the catalogue.
            positives: int64 [n], the targets' ids.
            weights: float32 [n], the weight of each target.

        Returns:
            A scalar, the sum of weight times loss.
        """
        kind, negatives, cooled = self._settings.kind, self._settings.negatives, 1.0 / self._settings.temperature
        if kind == "full" or (kind == "sampled" and negatives >= items.count):
            vectors, biases = items.all()
            rows, smoothing = items.rows(positives), self._settings.smoothing
            return full_softmax(cooled * queries, vectors, cooled * biases, rows, weights, smoothing)
        sample, expected_counts = self._sample(positives, items)
        accidental = positives[:, tf.newaxis] == sample
        (of_positives, positive_biases), (of_sample, sample_biases) = map(items.look_up, (positives, sample))
        positive_scores = tf.reduce_sum(tf.cast(queries, tf.float32) * of_positives, axis=1) + positive_biases
        products = tf.matmul(queries, tf.cast(of_sample, queries.dtype), transpose_b=True)
        scores = tf.cast(products, tf.float32) + sample_biases
        if kind == "binary":
            return calibrated_binary(
                positive_scores, scores, accidental, weights, items.count, self._settings.calibration
            )
        cooled_scores = (cooled * positive_scores, cooled * scores)
        return sampled_softmax(*cooled_scores, expected_counts, accidental, weights, self._settings.smoothing)

    def _sample(self, positives: tf.Tensor, items: ItemVectors) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the ids of the negatives, int64 [sample], and how often each is expected among them."""
        kind, negatives = self._settings.kind, self._settings.negatives
        if kind == "in_batch":
            return positives, self._shares_of(positives) * tf.cast(tf.size(positives), tf.float32)
        sample = items.ids(_draw(negatives, items.count))
        if kind != "sampled":
            return sample, tf.fill([negatives], negatives / items.count)
        count = self._settings.in_batch
        # A part without targets has one as well, so that there is one to draw.
        targets = tf.concat([positives, sample[:1]], axis=0)
        drawn = tf.gather(targets, _draw(count, tf.maximum(tf.size(positives), 1)))
        sample = tf.concat([sample, drawn], axis=0)
        return sample, negatives / items.count + count * self._shares_of(sample)

    def _shares_of(self, item_ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._shares, item_ids)


def _draw(count: int, end: tf.Tensor | int) -> tf.Tensor:
    """Draw int64 [count] uniformly from 0 to `end` - 1."""
    return tf.random.get_global_generator().uniform([count], 0, tf.cast(end, tf.int64), tf.int64)

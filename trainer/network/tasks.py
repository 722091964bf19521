"""The two tasks of the model: retrieval among all items, and ranking of a few candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from schemas import config
from trainer.network.encoder import ProjectedAttention
from trainer.network.item_embeddings import ItemEmbeddings
from trainer.network.losses import calibrated_binary, full_softmax, sampled_softmax


class CatalogueRetrieval(tfrs.tasks.Retrieval):
    """Retrieval with the whole catalogue, or a sample of it, as candidates.

    The labels of `tfrs.tasks.Retrieval` are an identity matrix: candidate i
    is the positive of query i. Over a catalogue many queries have the same
    positive, so here each query names its own.

    Args:
        loss: which of `trainer.network.losses`, and what is sampled.
        shares: float [items], how often each item is a target, of sum 1.
    """

    def __init__(self, loss: config.LossConfig, shares: npt.NDArray[np.float32]) -> None:
        super().__init__(name="retrieval")
        self._settings = loss
        self._shares = tf.Variable(tf.concat([[0.0], shares], axis=0), trainable=False, name="shares")

    def call(self, queries: tf.Tensor, items: ItemEmbeddings, positives: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """The loss of some targets.

        Args:
            queries: float [n, dim]; Keras casts them to the type in which layers compute, and products are in it.
            items: the catalogue.
            positives: int64 [n], the target's id.
            weights: float32 [n], how much each counts.

        Returns:
            A scalar, the sum of weight times loss.
        """
        kind, negatives = self._settings.kind, self._settings.negatives
        if kind == "full" or (kind == "sampled" and negatives >= items.count):
            vectors, biases = items.all()
            return full_softmax(queries, vectors, biases, positives - 1, weights, self._settings.smoothing)
        if kind == "in_batch":
            sample = positives
            expected = self._shares_of(sample) * tf.cast(tf.size(positives), tf.float32)
        else:
            sample = _draw(negatives, 1, items.count + 1)
            expected = tf.fill([negatives], negatives / items.count)
        if kind == "sampled":
            count = self._settings.in_batch
            targets = tf.concat([positives, sample[:1]], axis=0)  # so that there is one to draw, in an empty part too
            drawn = tf.gather(targets, _draw(count, 0, tf.maximum(tf.size(positives), 1)))
            sample = tf.concat([sample, drawn], axis=0)
            expected = negatives / items.count + count * self._shares_of(sample)
        accidental = positives[:, tf.newaxis] == sample
        positive_scores = tf.reduce_sum(tf.cast(queries, tf.float32) * items.vectors(positives), axis=1)
        positive_scores += items.biases(positives)
        products = tf.matmul(queries, tf.cast(items.vectors(sample), queries.dtype), transpose_b=True)
        scores = tf.cast(products, tf.float32) + items.biases(sample)
        if kind == "binary":
            return calibrated_binary(
                positive_scores, scores, accidental, weights, items.count, self._settings.calibration
            )
        return sampled_softmax(positive_scores, scores, expected, accidental, weights, self._settings.smoothing)

    def _shares_of(self, item_ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._shares, item_ids)


class Ranker(tf.keras.layers.Layer):
    """Scores candidates by what each of them finds in the history (target attention, as in DIN, Zhou et al. 2018).

    Args:
        dim: width of states and candidates.
        attention: how a candidate attends to the states.
        hidden: widths of the hidden layers over `[query, candidate, attended, query * candidate]`.
    """

    def __init__(self, dim: int, attention: config.AttentionConfig, hidden: Sequence[int]) -> None:
        super().__init__(name="ranker")
        self._attention = ProjectedAttention(dim, attention, name="target_attention")
        self._score = tf.keras.Sequential(
            [
                *(tf.keras.layers.Dense(units, activation="relu") for units in hidden),
                tf.keras.layers.Dense(1, use_bias=False),
            ],
            name="score",
        )

    def call(
        self, query: tf.Tensor, candidates: tf.Tensor, states: tf.Tensor, mask: tf.Tensor, sessions: tf.Tensor
    ) -> tf.Tensor:
        """Scores the candidates of some positions of each history.

        Args:
            query: float32 [batch, positions, dim], the states at the positions.
            candidates: float32 [batch, positions, c, dim], embeddings.
            states: float32 [batch, length, dim].
            mask: bool [batch, positions, length], True where a position may look.
            sessions: int [batch, length], the session of each place of the history.

        Returns:
            float32 [batch, positions, c].
        """
        candidates, states = (tf.cast(x, query.dtype) for x in (candidates, states))  # Keras cast the query
        shape = tf.shape(candidates)
        batch, positions, c = shape[0], shape[1], shape[2]
        flat = tf.reshape(candidates, [batch, positions * c, candidates.shape[-1]])
        attended, _ = self._attention(flat, states, tf.repeat(mask, c, axis=1), sessions)
        attended = tf.reshape(attended, shape)
        query = tf.broadcast_to(query[:, :, tf.newaxis], shape)
        features = tf.concat([query, candidates, attended, query * candidates], axis=-1)
        return tf.cast(tf.squeeze(self._score(features), axis=-1), tf.float32)


def _draw(count: int, least: int, beyond: tf.Tensor | int) -> tf.Tensor:
    """So many whole numbers, int64 [count], each drawn uniformly from `least` to `beyond` - 1."""
    return tf.random.get_global_generator().uniform([count], least, tf.cast(beyond, tf.int64), tf.int64)

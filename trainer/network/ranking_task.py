"""The ranking task: the network that scores a few candidates, and its loss among hard negatives."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_recommenders as tfrs

from schemas.config import AttentionConfig, RerankerConfig
from schemas.features import ITEM_IDS, PADDING_ID, VALUE, codes_key
from trainer.data.batches import NEXT_IDS
from trainer.network.encoder import ProjectedAttention
from trainer.network.item_vectors import ItemVectors
from trainer.network.target_weights import target_weights
from trainer.network.train_step import Batch

_POOL = 1_024  # items of which retrieval's best become the negatives


class Ranker(tf.keras.layers.Layer):
    """A scorer of candidates: each candidate attends to the history (as in DIN, Zhou et al. 2018).

    Args:
        dim: width of states and candidates.
        attention: how a candidate attends to the states.
        hidden: widths of the hidden layers over `[query, candidate, attended, query * candidate]`.
    """

    def __init__(self, dim: int, attention: AttentionConfig, hidden: Sequence[int]) -> None:
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
        """Score the candidates of some positions of each history.

        Args:
            query: float32 [batch, positions, dim], the states at the positions.
            candidates: float32 [batch, positions, c, dim], embeddings.
            states: float32 [batch, length, dim].
            mask: bool [batch, positions, length], True where a position may attend to a state.
            sessions: int [batch, length], the session of each state.

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


class HardNegativeRanking(tfrs.tasks.Ranking):
    """TFRS's ranking task over the target and hard negatives: a softmax cross-entropy.

    Args:
        reranker: positions of a history, negatives of a position, and whether a target weighs by its value.
        value_buckets: codes of the value, if targets weigh by it.
        event_weights: the weight of a target by the code of its event; empty if all weigh 1.
    """

    def __init__(self, reranker: RerankerConfig, value_buckets: int, event_weights: Sequence[float] = ()) -> None:
        super().__init__(
            loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True, reduction=tf.keras.losses.Reduction.SUM),
            name="ranking",
        )
        self._settings = reranker
        self._value_buckets = value_buckets
        self._event_weights = event_weights

    def loss_of_batch(
        self, ranker: Ranker, items: ItemVectors, inputs: Batch, states: tf.Tensor, sessions: tf.Tensor
    ) -> tf.Tensor:
        """Return the loss at positions drawn from each history.

        Its gradient reaches the items' vectors and stops at the states. There,
        the few candidates of this task would undo what the retrieval task
        learns from all items.

        Args:
            ranker: the scorer that learns.
            items: the catalogue.
            inputs: `{item_ids, next_ids}` int64 [batch, length], and the codes of values and events if targets weigh by
                them.
            states: float32 [batch, length, dim].
            sessions: int [batch, length].

        Returns:
            A scalar, the sum over all drawn positions.
        """
        states = tf.stop_gradient(states)
        next_ids = inputs[NEXT_IDS]
        drawn = self._draw_positions(next_ids)
        positive = tf.gather(next_ids, drawn, batch_dims=1)[..., tf.newaxis]
        query = tf.gather(states, drawn, batch_dims=1)
        negative = self._hard_negatives(items, query, positive)
        scores = ranker(
            query,
            items.embed(tf.concat([positive, negative], axis=-1)),
            states,
            tf.range(tf.shape(inputs[ITEM_IDS])[1]) <= drawn[..., tf.newaxis],
            sessions,
        )
        accidental = tf.concat([tf.zeros_like(positive, tf.bool), negative == positive], axis=-1)
        scores = tf.where(accidental, scores.dtype.min, scores)
        labels = tf.one_hot(tf.zeros_like(drawn), tf.shape(scores)[2])
        return self(labels=labels, predictions=scores, sample_weight=self._weights(inputs, drawn))

    def _draw_positions(self, next_ids: tf.Tensor) -> tf.Tensor:
        """Draw positions that have a target, int32 [batch, positions]."""
        targets = tf.reduce_sum(tf.cast(next_ids != PADDING_ID, tf.float32), axis=1, keepdims=True)
        shape = [tf.shape(next_ids)[0], self._settings.positions]
        return tf.cast(tf.random.get_global_generator().uniform(shape) * targets, tf.int32)

    def _hard_negatives(self, items: ItemVectors, query: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
        """Return the items of a pool that retrieval scores highest, int64 [batch, positions, negatives]."""
        if items.count <= _POOL:
            pool = items.ids(tf.range(items.count, dtype=tf.int64))
        else:
            pool = items.ids(tf.random.get_global_generator().uniform([_POOL], 0, items.count, tf.int64))
        vectors, biases = items.look_up(pool)
        hardness = tf.tensordot(query, vectors, [[2], [1]]) + biases
        hardness = tf.where(pool == positive, hardness.dtype.min, hardness)
        _, hard = tf.math.top_k(hardness, min(self._settings.negatives, pool.shape[0]))
        return tf.gather(pool, hard)

    def _weights(self, inputs: Batch, drawn: tf.Tensor) -> tf.Tensor:
        """Return the weights of the targets, float32 [batch, positions]."""
        weights = tf.gather(target_weights(inputs, self._event_weights), drawn, batch_dims=1)
        if not self._settings.by_value:
            return weights
        buckets = tf.gather(inputs[codes_key(VALUE)], drawn + 1, batch_dims=1)
        return weights * tf.where(buckets > 0, tf.cast(buckets / self._value_buckets, tf.float32), 1.0)

"""The two tasks of the model: retrieval among all items, and ranking of a few candidates."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_recommenders as tfrs

from schemas import config
from trainer.attention import ProjectedAttention


class CatalogueRetrieval(tfrs.tasks.Retrieval):
    """Retrieval with the whole catalogue as candidates.

    The labels of `tfrs.tasks.Retrieval` are an identity matrix: candidate i
    is the positive of query i. Over a whole catalogue many queries have the
    same positive, so here each query names its own.
    """

    def __init__(self) -> None:
        super().__init__(name="retrieval")

    def call(self, query_embeddings: tf.Tensor, candidate_embeddings: tf.Tensor, positives: tf.Tensor) -> tf.Tensor:
        """Softmax cross-entropy over all candidates, the mean over the queries.

        Args:
            query_embeddings: float32 [queries, dim].
            candidate_embeddings: float32 [items, dim].
            positives: int64 [queries], the row of each query's positive.

        Returns:
            The loss, a scalar.
        """
        scores = tf.matmul(query_embeddings, candidate_embeddings, transpose_b=True)
        positive_scores = tf.reduce_sum(query_embeddings * tf.gather(candidate_embeddings, positives), axis=1)
        # A third faster on a CPU than TensorFlow's own cross-entropy, which is most of a step.
        return tf.reduce_mean(tf.reduce_logsumexp(scores, axis=1) - positive_scores)


class Ranker(tf.keras.layers.Layer):
    """Scores candidates by what each of them finds in the history (target attention, as in DIN, Zhou et al. 2018).

    Args:
        dim: width of states and candidates.
        attention: how a candidate attends to the states.
        hidden: widths of the hidden layers over `[query, candidate, attended, query * candidate]`.
    """

    def __init__(self, dim: int, attention: config.Attention, hidden: Sequence[int]) -> None:
        super().__init__(name="ranker")
        self._attention = ProjectedAttention(dim, attention, name="target_attention")
        self._score = tf.keras.Sequential(
            [
                *(tf.keras.layers.Dense(units, activation="relu") for units in hidden),
                tf.keras.layers.Dense(1, use_bias=False),
            ],
            name="score",
        )

    def call(self, query: tf.Tensor, candidates: tf.Tensor, states: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Scores the candidates of some positions of each history.

        Args:
            query: float32 [batch, positions, dim], the states at the positions.
            candidates: float32 [batch, positions, c, dim], embeddings.
            states: float32 [batch, length, dim].
            mask: bool [batch, positions, length], True where a position may look.

        Returns:
            float32 [batch, positions, c].
        """
        shape = tf.shape(candidates)
        batch, positions, c = shape[0], shape[1], shape[2]
        attended, _ = self._attention(
            tf.reshape(candidates, [batch, positions * c, candidates.shape[-1]]), states, tf.repeat(mask, c, axis=1)
        )
        attended = tf.reshape(attended, shape)
        query = tf.broadcast_to(query[:, :, tf.newaxis], shape)
        features = tf.concat([query, candidates, attended, query * candidates], axis=-1)
        return tf.squeeze(self._score(features), axis=-1)

"""The network: one item embedding, a history encoder, a retrieval task and a ranking task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from schemas import config
from schemas.config.evaluation import K
from schemas.features import EXCLUDE_IDS, GAP, ITEM_IDS, PADDING_ID, TARGET_ID, VALUE, codes_key
from serving.export.dedupe import dedupe
from serving.export.top_k import mask_excluded
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec, multi_hot_ids
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.cooccurrence import CooccurrenceScorer, count_cooccurrences
from trainer.network.encoder import HistoryEncoder
from trainer.network.input_features import InputFeatures
from trainer.network.item_embeddings import ItemEmbeddings
from trainer.network.model_info import ModelInfo
from trainer.network.tasks import CatalogueRetrieval, Ranker
from trainer.training.optimizer import decays

Batch = dict[str, tf.Tensor]
Codes = Mapping[str, tf.Tensor]

STEP = "step_"  # begins the names of what a step logs of itself, beside the means of its epoch

_POOL = 1_024  # items among which the ranking task's negatives are those that retrieval scores highest


class EncodedBatch(NamedTuple):
    """A batch of histories, read.

    The query is a history's last state, and a 1 for the items' bias. That of
    an empty history is 0, which leaves the items' bias as their score.
    """

    item_ids: tf.Tensor  # int64 [batch, length]
    states: tf.Tensor  # float32 [batch, length, dim]
    sessions: tf.Tensor  # int32 [batch, length], the session of each place, counted from 0
    query: tf.Tensor  # float32 [batch, dim + 1]
    attention: tf.Tensor  # float32 [batch, length]: of the last state; 0 at padding, or without attention


class NextItemModel(tfrs.Model):
    """Scores the items that may follow a history.

    Ids are 1..item_count, 0 is padding. Row i of `candidates()` is item i + 1,
    and its inner product with a query is the retrieval score.

    Args:
        survey: what is known of the training split before it is trained on.
        max_length: interactions of a history that the model was made for.
        model: the network's settings.
        train: the loss, and in how many parts a batch is computed.
        remove_seen: whether validation leaves out what the user has seen, as the served model will.
        columns: what is read beside the items.
        recent_popularity: float32 [items], how often each item was interacted with, older
            interactions counting less; where it is not known, all count alike.
    """

    def __init__(
        self,
        survey: TrainingSetStats,
        max_length: int,
        model: config.ModelConfig,
        train: config.TrainConfig,
        remove_seen: bool = True,
        columns: FeatureSpec = FeatureSpec(),  # noqa: B008 - it never changes
        recent_popularity: npt.NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        self.item_count = len(survey.target_fractions)
        self.max_length = max_length
        self._remove_seen = remove_seen
        self._ranking = model.reranker
        self._session_items = model.attention.session_items
        self._session_gap = None  # the least code of a gap that ends a session
        if model.attention.session_gap_s is not None:
            boundaries = columns.encodings.gap_boundaries
            self._session_gap = 1 + int(np.searchsorted(boundaries, model.attention.session_gap_s, side="right"))
        self._value_buckets = columns.value_buckets
        self._parts = train.accumulation
        self._l2 = train.l2
        self.encodings = columns.encodings
        item_codes = {
            name: multi_hot_ids(survey.item_codes[name], encoding, separator)
            for name, (encoding, separator) in columns.item_encodings.items()
        }
        # Of a binary loss all items' probabilities together start at about 1, for one of them is the target.
        bias = -math.log(self.item_count) if train.loss.kind == "binary" else 0.0
        self._items = ItemEmbeddings(self.item_count, model.dim, item_codes, bias)
        self._inputs = InputFeatures(model.inputs, columns.encodings, model.dim, max_length)
        self._encoder = HistoryEncoder(model.dim, model.encoder, model.attention, model.dropout)
        self._retrieval_task = CatalogueRetrieval(train.loss, survey.target_fractions)
        # A network that is not trained has nothing to say.
        self._ranker = Ranker(model.dim, model.attention, model.reranker.hidden) if model.reranker.weight else None
        self._ranking_task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True, reduction=tf.keras.losses.Reduction.SUM),
            name="ranking",
        )
        self._counted = None
        if model.reranker.cooccurrence:
            tables = count_cooccurrences(survey.sequences, self.item_count)
            recent = survey.target_fractions if recent_popularity is None else recent_popularity
            self._counted = CooccurrenceScorer(
                tables, survey.target_fractions, recent, model.reranker.candidate_sources
            )
        self.score_names = [
            "retrieval",
            *(["ranker"] if self._ranker else []),
            *(self._counted.names if self._counted else []),
        ]
        self.score_weights = tf.Variable(np.eye(1, len(self.score_names), dtype=np.float32)[0], trainable=False)
        self.rerank_depth = model.reranker.candidates
        self.model_info = ModelInfo("retrieval", {}, {}, 0, {})
        self.serves_reranked = False  # whether the ranking task's order is served, or retrieval's
        self.distribute_reduction_method = "first"  # the logs of a step are the same on every replica
        # A name with an @ cannot name a metric, only a log: see train_step and test_step.
        self._train_means = {name: tf.keras.metrics.Mean(name) for name in ("loss", "retrieval_loss", "ranking_loss")}
        self._test_means = {f"{name}@{K}": tf.keras.metrics.Mean(f"{name}_at_{K}") for name in ("recall", "ndcg")}

    def encode(self, item_ids: tf.Tensor, codes: Codes = {}) -> EncodedBatch:  # noqa: B006
        """Reads histories.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.
            codes: of the times and columns that the model reads, see `InputsConfig`.
        """
        sessions = self._sessions(item_ids, codes)
        states, weights = self._encode(item_ids, codes, sessions)
        last = _at_last(states, item_ids)
        return EncodedBatch(
            item_ids=item_ids,
            states=states,
            sessions=sessions,
            query=tf.concat([last, tf.ones_like(last[:, :1])], axis=1),
            attention=_at_last(weights, item_ids),
        )

    def candidates(self) -> tf.Tensor:
        """The embeddings of all items with their bias, float32 [item_count, dim + 1]."""
        vectors, biases = self._items.all()
        return tf.concat([vectors, biases[:, tf.newaxis]], axis=1)

    def extra_candidates(self, history: EncodedBatch) -> tf.Tensor:
        """Candidates that retrieval may not find, int64 [batch, n]; 0 for none, some of them twice."""
        if self._counted is None:
            return tf.zeros([tf.shape(history.item_ids)[0], 0], tf.int64)
        return self._counted.extra_candidates(history.item_ids)

    def rank(self, history: EncodedBatch, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Scores candidates after each history by the ranking task.

        Args:
            history: of `encode`.
            candidate_ids: int64 [batch, c].

        Returns:
            float32 [batch, c], to be compared within a history only.
        """
        return tf.linalg.matvec(self.scores(history, candidate_ids), self.score_weights)

    def scores(self, history: EncodedBatch, candidate_ids: tf.Tensor) -> tf.Tensor:
        """What the ranking task weighs, float32 [batch, c, score_names]; arguments as of `rank`."""
        vectors, biases = self._items.vectors(candidate_ids), self._items.biases(candidate_ids)
        scores = [(tf.linalg.matvec(vectors, history.query[:, :-1]) + biases)[..., tf.newaxis]]
        if self._ranker is not None:
            ranked = self._ranker(
                history.query[:, tf.newaxis, :-1],
                self._items.embed(candidate_ids[:, tf.newaxis]),
                history.states,
                (history.item_ids != PADDING_ID)[:, tf.newaxis],
                history.sessions,
            )
            scores.append(tf.squeeze(ranked, axis=1)[..., tf.newaxis])
        if self._counted is not None:
            scores.append(self._counted.features(history.item_ids, candidate_ids))
        return tf.concat(scores, axis=-1)

    def compute_loss(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        """The joint loss of a training batch, `{item_ids, next_ids}` int64 [batch, length]."""
        targets = tf.reduce_sum(tf.cast(inputs[NEXT_IDS] != PADDING_ID, tf.float32))
        return self._joint_loss(inputs, targets, tf.cast(tf.shape(inputs[ITEM_IDS])[0], tf.float32), training)["loss"]

    # Keras 2 outside of TensorFlow is not known to AutoGraph, which would convert all of it: 20 s for nothing.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, inputs: Batch) -> Batch:
        """One step; logs the epoch's mean losses so far, and the step's own loss and the norm of its gradients.

        The norm is of all gradients together, before they are clipped by it.
        """
        replicas = tf.distribute.get_replica_context()
        targets, rows = replicas.all_reduce(
            tf.distribute.ReduceOp.SUM,
            [
                tf.reduce_sum(tf.cast(inputs[NEXT_IDS] != PADDING_ID, tf.float32)),
                tf.cast(tf.shape(inputs[ITEM_IDS])[0], tf.float32),
            ],
        )
        losses, gradients = self._gradients(inputs, targets, rows)
        summed = [
            (_with_distinct_rows(gradient), variable)
            for gradient, variable in self.optimizer.aggregate_gradients(
                zip(gradients, self.trainable_variables, strict=True)
            )
        ]
        self.optimizer.apply_gradients(summed, skip_gradients_aggregation=True)
        losses = replicas.all_reduce(tf.distribute.ReduceOp.SUM, losses)
        for name, loss in losses.items():
            self._train_means[name].update_state(loss)
        return {
            **{name: mean.result() for name, mean in self._train_means.items()},
            f"{STEP}loss": losses["loss"],
            f"{STEP}gradient_norm": tf.linalg.global_norm([gradient for gradient, _ in summed]),
        }

    @tf.autograph.experimental.do_not_convert
    def test_step(self, inputs: Batch) -> Batch:
        """Ranks all items, seen ones left out where they will be in serving, and logs where the target came.

        Args:
            inputs: `{item_ids, exclude_ids, target_id}`, int64 [batch, length],
                [batch, n], [batch]. A target that is left out or unknown is a miss.
        """
        scores = self._retrieval_scores(self.encode(inputs[ITEM_IDS], _codes(inputs)), inputs)
        top_scores, top = tf.math.top_k(scores, min(K, self.item_count))
        hits = (top + 1 == tf.cast(inputs[TARGET_ID], tf.int32)[:, tf.newaxis]) & (top_scores > scores.dtype.min)
        hits = tf.cast(hits, tf.float32)  # [batch, K], at most one in a row
        gains = math.log(2.0) / tf.math.log(2.0 + tf.range(tf.shape(top)[1], dtype=tf.float32))
        self._test_means[f"recall@{K}"].update_state(tf.reduce_sum(hits, axis=1))
        self._test_means[f"ndcg@{K}"].update_state(tf.reduce_sum(hits * gains, axis=1))
        return {name: mean.result() for name, mean in self._test_means.items()}

    def attention(self, inputs: Batch) -> tf.Tensor:
        """How much each place of a history looks at each other, float32 [batch, length, length]; 0 without attention.

        Args:
            inputs: as of `test_step`.
        """
        codes = _codes(inputs)
        return self._encode(inputs[ITEM_IDS], codes, self._sessions(inputs[ITEM_IDS], codes))[1]

    def rerank_examples(self, inputs: Batch) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The candidates of the ranking task for a validation batch, as `reranker.Choices` has them."""
        history = self.encode(inputs[ITEM_IDS], _codes(inputs))
        excluded = self._excluded(inputs)
        _, top = tf.math.top_k(self._retrieval_scores(history, inputs), min(max(self.rerank_depth, K), self.item_count))
        ids = dedupe(tf.concat([tf.cast(top, tf.int64) + 1, self.extra_candidates(history)], axis=1), excluded)
        hits = ids == inputs[TARGET_ID][:, tf.newaxis]
        place = tf.where(tf.reduce_any(hits, axis=1), tf.argmax(hits, axis=1), -1)
        return self.scores(history, ids), ids != PADDING_ID, place

    def _retrieval_scores(self, history: EncodedBatch, inputs: Batch) -> tf.Tensor:
        """Of all items, float32 [batch, item_count]; the lowest number for those that are not to be recommended."""
        scores = tf.matmul(history.query, self.candidates(), transpose_b=True)
        return mask_excluded(scores, self._excluded(inputs))

    def _excluded(self, inputs: Batch) -> tf.Tensor:
        """int64 [batch, n]."""
        if self._remove_seen:
            return tf.concat([inputs[ITEM_IDS], inputs[EXCLUDE_IDS]], axis=1)
        return inputs[EXCLUDE_IDS][:, :0]

    def _gradients(self, inputs: Batch, targets: tf.Tensor, rows: tf.Tensor) -> tuple[Batch, list[tf.Tensor]]:
        """Losses of a batch, and the gradients of their sum, computed in as many parts as is configured."""
        if self._parts == 1:
            return self._gradients_of(inputs, targets, rows)
        size = -(-tf.shape(inputs[ITEM_IDS])[0] // self._parts)

        def step(part: tf.Tensor, *sums: Any) -> tuple[tf.Tensor, Any]:
            some = {name: x[part * size : (part + 1) * size] for name, x in inputs.items()}
            return part + 1, *tf.nest.map_structure(tf.add, sums, self._gradients_of(some, targets, rows))

        none = {name: tf.zeros([]) for name in self._train_means}
        _, losses, gradients = tf.while_loop(
            lambda part, *_: part < self._parts,
            step,
            (0, none, [tf.zeros_like(variable) for variable in self.trainable_variables]),
            parallel_iterations=1,
        )
        return losses, gradients

    def _gradients_of(self, inputs: Batch, targets: tf.Tensor, rows: tf.Tensor) -> tuple[Batch, list[tf.Tensor]]:
        """As of `_gradients`, all at once."""
        with tf.GradientTape() as tape:
            losses = self._joint_loss(inputs, targets, rows, training=True)
        return losses, tape.gradient(losses["loss"], self.trainable_variables)

    def _joint_loss(self, inputs: Batch, targets: tf.Tensor, rows: tf.Tensor, training: bool) -> Batch:
        """The losses of some histories as their part of the mean over `targets` targets in `rows` histories."""
        item_ids, next_ids = inputs[ITEM_IDS], inputs[NEXT_IDS]
        sessions = self._sessions(item_ids, _codes(inputs))
        states, _ = self._encode(item_ids, _codes(inputs), sessions, training=training)
        at_target = next_ids != PADDING_ID
        positives = tf.boolean_mask(next_ids, at_target)
        retrieval_loss = self._retrieval_task(
            tf.boolean_mask(states, at_target), self._items, positives, tf.fill(tf.shape(positives), 1.0 / targets)
        )
        loss, ranking_loss = retrieval_loss, tf.zeros([])
        if self._ranker is not None:
            ranking_loss = self._ranking_loss(self._ranker, inputs, states, sessions)
            ranking_loss /= rows * self._ranking.positions
            loss += self._ranking.weight * ranking_loss
        if self._l2:
            # Each part and each replica adds its share, so that together they add it once.
            squares = tf.add_n([tf.reduce_sum(tf.square(w)) for w in self.trainable_variables if decays(w)])
            loss += self._l2 * squares * tf.cast(tf.size(positives), tf.float32) / targets
        return {"loss": loss, "retrieval_loss": retrieval_loss, "ranking_loss": ranking_loss}

    def _encode(
        self, item_ids: tf.Tensor, codes: Codes, sessions: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """States and weights in float32, in whatever precision they are computed."""
        vectors = self._inputs(self._items.embed(item_ids), codes, training=training)
        states, weights = self._encoder(vectors, item_ids != PADDING_ID, sessions, training=training)
        return tf.cast(states, tf.float32), tf.cast(weights, tf.float32)

    def _sessions(self, item_ids: tf.Tensor, codes: Codes) -> tf.Tensor:
        """The session of each place, int32 [batch, length]: a gap begins one, or a number of items fills it."""
        if self._session_gap is not None:
            return tf.cumsum(tf.cast(codes[GAP][:, :-1] >= self._session_gap, tf.int32), axis=1)
        return tf.broadcast_to(tf.range(tf.shape(item_ids)[1]) // self._session_items, tf.shape(item_ids))

    def _ranking_loss(self, ranker: Ranker, inputs: Batch, states: tf.Tensor, sessions: tf.Tensor) -> tf.Tensor:
        """Cross-entropy of the target among hard negatives, the sum over positions drawn from each history.

        Its gradient reaches the items' vectors, and stops at the states: there the few candidates of this task
        would undo what all items teach the other.
        """
        states = tf.stop_gradient(states)
        item_ids, next_ids = inputs[ITEM_IDS], inputs[NEXT_IDS]
        batch, length = tf.shape(item_ids)[0], tf.shape(item_ids)[1]
        positions, negatives = self._ranking.positions, self._ranking.negatives
        random = tf.random.get_global_generator()
        targets = tf.reduce_sum(tf.cast(next_ids != PADDING_ID, tf.float32), axis=1, keepdims=True)
        drawn = tf.cast(random.uniform([batch, positions]) * targets, tf.int32)  # [batch, positions]
        positive = tf.gather(next_ids, drawn, batch_dims=1)[..., tf.newaxis]
        query = tf.gather(states, drawn, batch_dims=1)
        if self.item_count <= _POOL:
            pool = tf.range(1, self.item_count + 1, dtype=tf.int64)
        else:
            pool = random.uniform([_POOL], 1, self.item_count + 1, tf.int64)
        hardness = tf.tensordot(query, self._items.vectors(pool), [[2], [1]]) + self._items.biases(pool)
        hardness = tf.where(pool == positive, hardness.dtype.min, hardness)
        _, hard = tf.math.top_k(hardness, min(negatives, pool.shape[0]))
        negative = tf.gather(pool, hard)
        candidates = tf.concat([positive, negative], axis=-1)
        scores = ranker(
            query,
            self._items.embed(candidates),
            states,
            tf.range(length) <= drawn[..., tf.newaxis],
            sessions,
        )
        accidental = tf.concat([tf.zeros_like(positive, tf.bool), negative == positive], axis=-1)
        scores = tf.where(accidental, scores.dtype.min, scores)
        labels = tf.one_hot(tf.zeros_like(drawn), tf.shape(scores)[2])
        weights = None
        if self._ranking.by_value:
            buckets = tf.gather(inputs[codes_key(VALUE)], drawn + 1, batch_dims=1)
            weights = tf.where(buckets > 0, tf.cast(buckets / self._value_buckets, tf.float32), 1.0)
        return self._ranking_task(labels=labels, predictions=scores, sample_weight=weights)


def _with_distinct_rows(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor | tf.IndexedSlices:
    """The same gradient; a sparse one names each row once, so that its norm is the gradient's."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _codes(inputs: Batch) -> Codes:
    """The codes among a batch's features, by column."""
    prefix = codes_key("")
    return {name.removeprefix(prefix): codes for name, codes in inputs.items() if name.startswith(prefix)}


def _at_last(values: tf.Tensor, item_ids: tf.Tensor) -> tf.Tensor:
    """[batch, length, n] -> [batch, n] at each history's last item; 0 where it is empty."""
    last = tf.reduce_sum(tf.cast(item_ids != PADDING_ID, tf.int32), axis=1) - 1
    return tf.einsum("bl,bln->bn", tf.one_hot(last, tf.shape(item_ids)[1]), values)

"""The network: one item embedding, a history encoder, a retrieval task, and the scores of the ranking stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import ModelConfig, TrainConfig
from schemas.config.evaluation import K
from schemas.features import EXCLUDE_IDS, ITEM_IDS, PADDING_ID, QUERY_TIMESTAMPS_S, TARGET_ID, VALUE, codes_key
from serving.export.dedupe import dedupe
from serving.export.lifetimes import ItemLifetimes
from serving.export.top_k import mask_excluded
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec
from trainer.data.item_features import ItemFeatures
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.candidate_network import CandidateNetwork
from trainer.network.cooccurrence import last_items
from trainer.network.dropout import dropout_rates
from trainer.network.encoder import HistoryEncoder
from trainer.network.history_times import TimeRule
from trainer.network.input_features import InputFeatures
from trainer.network.item_vectors import ItemVectors
from trainer.network.model_parts import make_scorer, make_tasks, make_tower
from trainer.network.repeats import REPEAT_FEATURES, repeat_features
from trainer.network.retrieval_task import CatalogueRetrieval
from trainer.network.target_weights import event_weights_of, value_weights_of
from trainer.network.tasks import TaskBatch
from trainer.network.train_step import LOSSES, Batch, JointLossModel
from trainer.network.weights import decays

Codes = Mapping[str, tf.Tensor]

_OWN_CANDIDATES = 20  # the last items of a history, where seen items may be recommended


class EncodedBatch(NamedTuple):
    """A batch of encoded histories.

    The query is a history's last state, and a 1 that is multiplied by the
    items' bias. The state of an empty history is 0, so items score their bias.
    """

    item_ids: tf.Tensor  # int64 [batch, length]
    query: tf.Tensor  # float32 [batch, dim + 1]
    attention: tf.Tensor  # float32 [batch, length], weights of the last state; 0 at padding, or without attention
    now_s: tf.Tensor  # int64 [batch], the time of the query; 0 where no item ages or expires


class NextItemModel(JointLossModel):
    """A model that scores the items that may follow a history.

    Ids are 1..item_count, and 0 is padding. Row i of `candidates()` belongs to
    item i + 1, and its inner product with a query is the retrieval score. The
    ranking score of a candidate is a weighted sum of the scores that
    `score_names` lists, and a network's correction; retrieval's alone until
    `set_reranker` is called.

    Args:
        stats: counts of the training split.
        max_length: interactions of the longest history.
        model: the network's settings.
        train: the retrieval loss, L2, and the parts in which a batch is computed.
        remove_seen: whether validation excludes items of the history, as the served model will.
        feature_spec: the times and further columns that the model reads.
        recent_popularity: float32 [items], interactions with each item, with less weight for older ones. Without it,
            all interactions weigh the same.
        item_features: the content of the items.
        lifetimes: the ages of the items, and when they expire.

    Example:
        >>> import numpy as np, tensorflow as tf
        >>> from schemas.config import ModelConfig, TrainConfig
        >>> from trainer.data.training_set_stats import TrainingSetStats
        >>> stats = TrainingSetStats(1, np.full(3, 1 / 3, np.float32), [np.array([1, 2, 3])], {})
        >>> model = NextItemModel(stats, max_length=10, model=ModelConfig(), train=TrainConfig())
        >>> history = model.encode(tf.constant([[1, 2, 0]], tf.int64))
        >>> model.rank(history, candidate_ids=tf.constant([[1, 3]], tf.int64)).shape
        TensorShape([1, 2])
    """

    def __init__(
        self,
        stats: TrainingSetStats,
        max_length: int,
        model: ModelConfig,
        train: TrainConfig,
        remove_seen: bool = True,
        feature_spec: FeatureSpec = FeatureSpec(),  # noqa: B008 - it never changes
        recent_popularity: npt.NDArray[np.float32] | None = None,
        item_features: ItemFeatures = ItemFeatures(),  # noqa: B008 - it never changes
        lifetimes: ItemLifetimes | None = None,
    ) -> None:
        super().__init__(train.accumulation)
        self.item_count = len(stats.target_fractions)
        self.max_length = max_length
        self.encodings = feature_spec.encodings
        self.rerank_depth = model.reranker.candidates
        self.lifetimes = lifetimes or ItemLifetimes()
        self.serves_reranked = False
        self._remove_seen = remove_seen
        self._l2 = train.l2
        self._event_weights = feature_spec.event_weights
        self._value_buckets = feature_spec.value_buckets if model.reranker.by_value else None
        self._time_rule = TimeRule.of(model.attention, feature_spec.encodings)
        # Initial weights are drawn in the order in which layers are created: another order is another model.
        self.items = make_tower(stats, model, feature_spec, item_features, train)
        self._reads_all_items = train.loss.kind == "full"  # in each step
        self._inputs = InputFeatures(model.inputs, feature_spec.encodings, model.dim, max_length)
        self.dropout = dropout_rates(model.dropout, stats.targets_per_item)
        times = feature_spec.encodings.times
        self._encoder = HistoryEncoder(model.dim, model.encoder, model.attention, self.dropout, reads_times=times)
        self._retrieval_task = CatalogueRetrieval(train.loss, stats.target_fractions)
        self._cooccurrence = make_scorer(stats, model, recent_popularity)
        self._tasks = make_tasks(model, self.items, item_features, feature_spec)
        self.score_names = [
            "retrieval",
            *(self._cooccurrence.names if self._cooccurrence else []),
            *(() if remove_seen else REPEAT_FEATURES),  # seen items are no candidates
            *self.lifetimes.feature_names,
        ]
        self.score_weights = tf.Variable(np.eye(1, len(self.score_names), dtype=np.float32)[0], trainable=False)
        self.candidate_network: CandidateNetwork | None = None
        self.distribute_reduction_method = "first"  # the logs of a step are the same on every replica
        # A metric's name may not hold an @; the names of logs may, see train_step and test_step.
        losses = [*LOSSES, *(_loss_name(task) for task in (self._tasks.names if self._tasks else ()))]
        self.train_means = {name: tf.keras.metrics.Mean(name) for name in losses}
        self._test_means = {f"{name}@{K}": tf.keras.metrics.Mean(f"{name}_at_{K}") for name in ("recall", "ndcg")}

    def set_reranker(
        self, score_weights: npt.NDArray[np.float32], network: CandidateNetwork | None, serve: bool
    ) -> None:
        """Set the weights of the ranking score, and which ranking is served.

        Args:
            score_weights: float32 [score_names].
            network: corrects the weighted sum; None for no correction.
            serve: whether the re-ranked candidates are served, or retrieval's own ranking.
        """
        self.score_weights.assign(score_weights)
        self.candidate_network = network
        self.serves_reranked = serve

    def encode(self, item_ids: tf.Tensor, codes: Codes = {}) -> EncodedBatch:  # noqa: B006
        """Encode histories.

        Args:
            item_ids: int64 [batch, length], padded on the right with 0.
            codes: by name, int64 [batch, length + 1], of the times and columns that the model reads (`InputsConfig`);
                and int64 [batch], the times of the queries, if items age or expire.

        Returns:
            The states of all positions, and the query of each history.
        """
        states, weights = self._encode(self.items.catalogue(), item_ids, codes)
        last = _at_last(states, item_ids)
        return EncodedBatch(
            item_ids=item_ids,
            query=tf.concat([last, tf.ones_like(last[:, :1])], axis=1),
            attention=_at_last(weights, item_ids),
            now_s=codes.get(QUERY_TIMESTAMPS_S, tf.zeros_like(item_ids[:, 0])),
        )

    def candidates(self) -> tf.Tensor:
        """Return the vectors of all items with their bias, float32 [item_count, dim + 1]."""
        vectors, biases = self.items.catalogue().all()
        return tf.concat([vectors, biases[:, tf.newaxis]], axis=1)

    def extra_candidates(self, history: EncodedBatch) -> tf.Tensor:
        """Return candidates from co-occurrence counts and from the history itself, which retrieval may miss.

        Args:
            history: from `encode`.

        Returns:
            int64 [batch, n]; 0 for none, and ids may repeat.
        """
        found = [history.item_ids[:, :0]]
        if self._cooccurrence is not None:
            found.append(self._cooccurrence.extra_candidates(history.item_ids))
        if not self._remove_seen:
            found.append(last_items(history.item_ids, _OWN_CANDIDATES))
        return tf.concat(found, axis=1)

    def rank(self, history: EncodedBatch, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Return the ranking scores of candidates.

        Args:
            history: from `encode`.
            candidate_ids: int64 [batch, c].

        Returns:
            float32 [batch, c]; only scores of the same history can be compared.
        """
        scores = self.scores(history, candidate_ids)
        ranked = tf.linalg.matvec(scores, self.score_weights)
        if self.candidate_network is not None:
            ranked += self.candidate_network(scores)
        return ranked if self.items.boosts is None else ranked + tf.gather(self.items.boosts, candidate_ids)

    def scores(self, history: EncodedBatch, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Return the scores that `rank` combines.

        Args:
            history: from `encode`.
            candidate_ids: int64 [batch, c].

        Returns:
            float32 [batch, c, score_names].
        """
        items = self.items.catalogue()
        vectors, biases = items.look_up(candidate_ids)
        scores = [(tf.linalg.matvec(vectors, history.query[:, :-1]) + biases)[..., tf.newaxis]]
        if self._cooccurrence is not None:
            scores.append(self._cooccurrence.features(history.item_ids, candidate_ids))
        if not self._remove_seen:
            scores.append(repeat_features(history.item_ids, candidate_ids))
        scores.append(self.lifetimes.features(candidate_ids, history.now_s))
        return tf.concat(scores, axis=-1)

    def attention(self, inputs: Batch) -> tf.Tensor:
        """Return the weights of the last attention block.

        Args:
            inputs: as in `test_step`.

        Returns:
            float32 [batch, length, length], the weight of each position (last axis) for each position; 0 without
            attention.
        """
        item_ids, codes = inputs[ITEM_IDS], _codes(inputs)
        return self._encode(self.items.catalogue(), item_ids, codes)[1]

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate as Keras does, with vectors of the items that are computed once and not in each batch."""
        with self.items.frozen():
            return super().evaluate(*args, **kwargs)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, inputs: Batch) -> Batch:
        """Rank all items, except excluded ones, and log recall and NDCG of the targets.

        Args:
            inputs: `{item_ids, exclude_ids, target_id}`, int64 [batch, length],
                [batch, n], [batch]. A target that is excluded or unknown is a miss.

        Returns:
            The means so far.
        """
        scores = self._retrieval_scores(self.encode(inputs[ITEM_IDS], _codes(inputs)), inputs)
        top_scores, top = tf.math.top_k(scores, min(K, self.item_count))
        hits = (top + 1 == tf.cast(inputs[TARGET_ID], tf.int32)[:, tf.newaxis]) & (top_scores > scores.dtype.min)
        hits = tf.cast(hits, tf.float32)  # [batch, K], at most one in a row
        gains = math.log(2.0) / tf.math.log(2.0 + tf.range(tf.shape(top)[1], dtype=tf.float32))
        self._test_means[f"recall@{K}"].update_state(tf.reduce_sum(hits, axis=1))
        self._test_means[f"ndcg@{K}"].update_state(tf.reduce_sum(hits * gains, axis=1))
        return {name: mean.result() for name, mean in self._test_means.items()}

    def rerank_examples(self, inputs: Batch) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the candidates of a validation batch, to fit the weights of the ranking score.

        Args:
            inputs: as in `test_step`.

        Returns:
            The parts of a `RerankExamples`: the scores float32 [batch, c, score_names], whether there is a candidate
            bool [batch, c], the index of the target int64 [batch], -1 if it is not a candidate, and the target's
            weight float32 [batch].
        """
        history = self.encode(inputs[ITEM_IDS], _codes(inputs))
        depth = min(max(self.rerank_depth, K), self.item_count)
        _, top = tf.math.top_k(self._retrieval_scores(history, inputs), depth)
        found = tf.concat([tf.cast(top, tf.int64) + 1, self.extra_candidates(history)], axis=1)
        found = self.lifetimes.without_expired(found, history.now_s)
        ids = dedupe(found, self._excluded(inputs))
        hits = ids == inputs[TARGET_ID][:, tf.newaxis]
        target = tf.where(tf.reduce_any(hits, axis=1), tf.argmax(hits, axis=1), -1)
        weights = event_weights_of(inputs, self._event_weights, like=inputs[ITEM_IDS])
        if self._value_buckets is not None:
            weights *= value_weights_of(inputs, self._value_buckets)
        return self.scores(history, ids), ids != PADDING_ID, target, _of_target(weights, inputs[ITEM_IDS])

    def joint_loss(self, inputs: Batch, targets: tf.Tensor, training: bool) -> Batch:
        """Return the losses of retrieval and of further tasks, and their weighted sum with L2; see `JointLossModel`."""
        item_ids, next_ids, codes = inputs[ITEM_IDS], inputs[NEXT_IDS], _codes(inputs)
        items = self.items.loss_catalogue(training, self._reads_all_items)
        states, _ = self._encode(items, item_ids, codes, training)
        at_target = next_ids != PADDING_ID
        weights = event_weights_of(inputs, self._event_weights, like=item_ids)[:, 1:] / targets
        positives = tf.boolean_mask(next_ids, at_target)
        retrieval_loss = self._retrieval_task(
            tf.boolean_mask(states, at_target), items, positives, tf.boolean_mask(weights, at_target)
        )
        loss, further = retrieval_loss, dict[str, tf.Tensor]()
        part = tf.cast(tf.size(positives), tf.float32) / targets
        if self._tasks is not None:
            values = codes.get(VALUE)
            batch = TaskBatch(
                tf.boolean_mask(states, at_target),
                positives,
                None if values is None else tf.boolean_mask(values[:, 1:], at_target),
                tf.boolean_mask(weights, at_target),
                part,
                items,
                training,
            )
            further = self._tasks.losses_of(batch)
            loss = self._tasks.weighted(retrieval_loss, further, part)
        if self._l2:
            # Each part and each replica adds its fraction, so together they add the penalty once.
            squares = tf.add_n([tf.reduce_sum(tf.square(w)) for w in self.trainable_variables if decays(w)])
            loss += self._l2 * squares * part
        of_tasks = {_loss_name(name): found for name, found in further.items()}
        return {"loss": loss, "retrieval_loss": retrieval_loss, **of_tasks}

    def measure_tasks(self, validation: tf.data.Dataset) -> dict[str, Any]:
        """Return the metrics of the further tasks, by their kind.

        Args:
            validation: batches from `eval_batches`.
        """
        if self._tasks is None:
            return {}
        with self.items.frozen():
            return self._tasks.measure(lambda: (self._known_targets(batch) for batch in validation))

    def _known_targets(self, inputs: Batch) -> TaskBatch:
        """Return the known targets of a validation batch."""
        item_ids, targets, codes = inputs[ITEM_IDS], inputs[TARGET_ID], _codes(inputs)
        known = targets <= self.item_count
        values = codes.get(VALUE)
        if values is not None:
            values = tf.boolean_mask(_of_target(values, item_ids), known)
        targets, states = (tf.boolean_mask(x, known) for x in (targets, self.encode(item_ids, codes).query[:, :-1]))
        weights = tf.ones(tf.shape(targets))
        return TaskBatch(states, targets, values, weights, tf.ones([]), self.items.catalogue(), training=False)

    def _retrieval_scores(self, history: EncodedBatch, inputs: Batch) -> tf.Tensor:
        """Return the scores of all items, float32 [batch, item_count]; the lowest float for excluded items."""
        scores = tf.matmul(history.query, self.candidates(), transpose_b=True)
        return mask_excluded(scores, self._excluded(inputs), self.lifetimes.expired(history.now_s))

    def _excluded(self, inputs: Batch) -> tf.Tensor:
        """Return the ids that may not be recommended, int64 [batch, n]."""
        if self._remove_seen:
            return tf.concat([inputs[ITEM_IDS], inputs[EXCLUDE_IDS]], axis=1)
        return inputs[EXCLUDE_IDS][:, :0]

    def _encode(
        self, items: ItemVectors, item_ids: tf.Tensor, codes: Codes, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return states and attention weights in float32, in any precision they are computed in."""
        vectors = self._inputs(items.embed(item_ids), codes, training=training)
        times = self._time_rule.read(item_ids, codes)
        states, weights = self._encoder(vectors, item_ids != PADDING_ID, times, training=training)
        return tf.cast(states, tf.float32), tf.cast(weights, tf.float32)


def _loss_name(task: str) -> str:
    return f"{task}_loss"


def _codes(inputs: Batch) -> Codes:
    """Return the codes among a batch's features, by column, and the times of the queries."""
    prefix = codes_key("")
    now = {QUERY_TIMESTAMPS_S: inputs[QUERY_TIMESTAMPS_S]} if QUERY_TIMESTAMPS_S in inputs else {}
    return now | {name.removeprefix(prefix): codes for name, codes in inputs.items() if name.startswith(prefix)}


def _of_target(values: tf.Tensor, item_ids: tf.Tensor) -> tf.Tensor:
    """Reduce [batch, length + 1] to [batch], the value that follows those of each history: that of the target."""
    lengths = tf.math.count_nonzero(item_ids, axis=1, keepdims=True)
    return tf.gather(values, lengths, batch_dims=1)[:, 0]


def _at_last(values: tf.Tensor, item_ids: tf.Tensor) -> tf.Tensor:
    """Reduce [batch, length, n] to [batch, n], the values at each history's last item; 0 if it is empty."""
    last = tf.reduce_sum(tf.cast(item_ids != PADDING_ID, tf.int32), axis=1) - 1
    return tf.einsum("bl,bln->bn", tf.one_hot(last, tf.shape(item_ids)[1]), values)

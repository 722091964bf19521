"""The computation of an exported model: from histories of item ids to ranked items, in plain TensorFlow ops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.evaluation import EVALUATION_DEPTH
from schemas.features import PADDING_ID, QUERY_TIMESTAMPS_S, TIMESTAMPS_S
from serving.export.dedupe import dedupe
from serving.export.per_item import per_item_variable
from serving.export.request_features import RequestFeatureEncoder, RequestFeatures
from serving.export.servable_model import EncodedHistory, ServableModel, ShownScores
from serving.export.top_k import INDEXES, LOWEST, BruteForce, stable_top_k

Answer = dict[str, tf.Tensor]
EXPIRES_S = "expires_s"  # an output of `embed`
STAGES = ("retrieval", "ranking")  # lists of retrieval alone, and lists that the ranking task re-ranked


class RequestHistory(NamedTuple):
    """A batch of encoded histories of a request."""

    item_ids: tf.Tensor  # int64 [batch, up to max_length], padded on the right
    seen_ids: tf.Tensor  # int64 [batch, length], every known item, 0 elsewhere
    positions: tf.RaggedTensor  # int64 [batch, up to max_length], the positions of item_ids in the request
    encoded: Any  # the model's `EncodedHistory` of item_ids
    now_s: tf.Tensor  # int64 [batch], the time of the query; 0 where nothing depends on it


class Recommender:
    """A model together with its vocabulary, its index and its fallback.

    Each public method is the computation of a signature, or a part of it.

    Args:
        model: the trained model.
        vocabulary_file: a file with an item in each line; line i, counted from 0, is id i + 1.
        popularity: float32 [items], the scores that answer if a history has no known item.
        k: number of recommendations, unless a request names its own.
        remove_seen: whether items of the history are left out of the recommendations.
        index: a key of `INDEXES`.
        shown: the scores of shown items, if the model has learnt them from impressions.

    Raises:
        ValueError: the sizes of vocabulary, candidates and popularity differ.

    Example:
        ```python
        recommender = Recommender(
            model, "items.txt", popularity, k=10, remove_seen=True, index="brute_force"
        )
        items = tf.constant([["50", "181"]])
        history = recommender.history(items, recommender.context.defaults)
        recommender.serve(history, no_ids(items), tf.constant(10))["item_ids"]
        ```
    """

    def __init__(
        self,
        model: ServableModel,
        vocabulary_file: str,
        popularity: npt.NDArray[np.float32],
        k: int,
        remove_seen: bool,
        index: str,
        shown: ShownScores | None = None,
    ) -> None:
        self._model = model
        self.k = k
        self.remove_seen = remove_seen
        self.serves_reranked = model.serves_reranked
        self.context = RequestFeatureEncoder(model.encodings, model.lifetimes.reads_now)
        # Traced once and saved once, for all signatures.
        self._encode, self._rank = (
            tf.function(method, autograph=False, reduce_retracing=True) for method in (model.encode, model.rank)
        )
        self._shown = None if shown is None else tf.function(shown, autograph=False, reduce_retracing=True)
        self._index = INDEXES[index](model.candidates())
        # The same search finds popular items: with a query of 1 and vectors of length 1.
        self._popular = BruteForce(tf.constant(popularity[:, np.newaxis]), growth="zeros")
        self._popularity = per_item_variable(popularity, "popularity", "zeros")
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.to_id = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary_file, tf.string, line, tf.int64, number), PADDING_ID - 1
        )
        self.to_item = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(vocabulary_file, tf.int64, number, tf.string, line), ""
        )
        sizes = {
            "vocabulary": int(self.to_id.size()),
            "candidates": int(model.candidates().shape[0]),
            "popularity": len(popularity),
        }
        if len(set(sizes.values())) > 1:
            raise ValueError(f"sizes differ: {sizes}")

    def ids(self, items: tf.Tensor) -> tf.Tensor:
        """Return the ids of items, of the same shape; 0 for unknown items and empty strings."""
        # A vocabulary file that was cut after a line loads, and would answer with empty names.
        whole = tf.shape(self._popularity, tf.int64)[0]
        tf.debugging.assert_equal(self.to_id.size(), whole, "the vocabulary is not complete")
        return self.to_id.lookup(items) + 1

    def items(self, ids: tf.Tensor) -> tf.Tensor:
        """Return the items of ids, of the same shape; the empty string for 0."""
        return self.to_item.lookup(ids - 1)

    def history(self, items: tf.Tensor, context: RequestFeatures) -> RequestHistory:
        """Encode the most recent known items of histories.

        Args:
            items: string [batch, length].
            context: the inputs in addition to items.

        Returns:
            The encoded histories, without unknown items, and without items older than the model reads.
        """
        ids = self.ids(items)
        known = ids != PADDING_ID
        kept = tf.ragged.boolean_mask(ids, known)
        positions = tf.ragged.boolean_mask(tf.broadcast_to(tf.range(tf.shape(ids, tf.int64)[1]), tf.shape(ids)), known)
        length = self._model.max_length
        read = kept[:, -length:].to_tensor(PADDING_ID)
        # A batch without any known item has one position, so that a model never gets a length of 0.
        read = tf.pad(read, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(read)[1])]])
        feature_ids = self.context.feature_ids(
            context, read, lambda x: tf.ragged.boolean_mask(tf.broadcast_to(x, tf.shape(ids)), known)[:, -length:]
        )
        now_s = feature_ids.get(QUERY_TIMESTAMPS_S, tf.zeros(tf.shape(ids)[:1], tf.int64))
        return RequestHistory(read, ids, positions[:, -length:], self._encode(read, feature_ids), now_s)

    def serve(self, history: RequestHistory, exclude: tf.Tensor, k: tf.Tensor) -> Answer:
        """Return the k best items after each history, from the stage that is served.

        Args:
            history: the encoded histories.
            exclude: int64 [batch, n], ids to leave out in addition to seen ones.
            k: int32 scalar.

        Returns:
            `item_ids`, `scores` and `fallback`.
        """
        exclude = self._excluded_ids(history, exclude)
        if self.serves_reranked:
            candidates = self._candidates(history, exclude, k)
            found = self._top_k(candidates, self._ranking_scores(history.encoded, candidates), k)
        else:
            found = self._retrieve(history, exclude, k)
        return self._answer(history, exclude, k, *found)

    def evaluate(self, history: RequestHistory, exclude: tf.Tensor, targets: tf.Tensor) -> Answer:
        """Return the lists of both stages, and the AUC of the ranking task.

        Args:
            history: the encoded histories.
            exclude: int64 [batch, n], ids to leave out in addition to seen ones.
            targets: int64 [batch, m], 0 for no target.

        Returns:
            `retrieval` and `ranking` item ids, string [batch,
            EVALUATION_DEPTH or the size of the catalogue], and `auc` float32
            [batch], NaN without a known target.
        """
        exclude, depth = self._excluded_ids(history, exclude), tf.constant(EVALUATION_DEPTH)
        candidates = self._candidates(history, exclude, tf.constant(self.k))
        scores = self._ranking_scores(history.encoded, tf.concat([candidates, targets], axis=1))
        scores, of_targets = tf.split(scores, [tf.shape(candidates)[1], tf.shape(targets)[1]], axis=1)
        found = {
            "retrieval": self._retrieve(history, exclude, depth),
            "ranking": self._top_k(candidates, scores, depth),
        }
        answers = {stage: self._answer(history, exclude, depth, *best) for stage, best in found.items()}
        auc = _auc(candidates, scores, targets, of_targets)
        return {
            **{stage: answer["item_ids"] for stage, answer in answers.items()},
            "auc": tf.where(answers["ranking"]["fallback"], float("nan"), auc),
        }

    def _excluded_ids(self, history: RequestHistory, exclude: tf.Tensor) -> tf.Tensor:
        return tf.concat([history.seen_ids, exclude], axis=1) if self.remove_seen else exclude

    def _answer(
        self, history: RequestHistory, exclude: tf.Tensor, k: tf.Tensor, scores: tf.Tensor, ids: tf.Tensor
    ) -> Answer:
        """Return the found items, or popular items if a history has no known item."""
        ones, expired = tf.ones([tf.shape(exclude)[0], 1]), self._model.lifetimes.expired(history.now_s)
        popular, popular_ids = self._popular.search(ones, exclude, k, expired)
        fallback = tf.reduce_all(history.seen_ids == PADDING_ID, axis=1)
        scores = tf.where(fallback[:, tf.newaxis], popular, scores)
        ids = tf.where(fallback[:, tf.newaxis], popular_ids, ids)
        return {"item_ids": self.items(ids), "scores": scores, "fallback": fallback}

    def _retrieve(self, history: RequestHistory, exclude: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the k best items by retrieval that have not expired, as `Index.search` does."""
        return self._index.search(history.encoded.query, exclude, k, self._model.lifetimes.expired(history.now_s))

    def _candidates(self, history: RequestHistory, exclude: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
        """Return the candidates that are re-ranked for k answers, int64 [batch, n], padded on the right with 0."""
        _, retrieved = self._retrieve(history, exclude, tf.maximum(k, self._model.rerank_depth))
        further = self._model.lifetimes.without_expired(self._model.extra_candidates(history.encoded), history.now_s)
        found = dedupe(tf.concat([retrieved, further], axis=1), exclude)
        # Many candidates are repetitions. They need no score.
        return tf.ragged.boolean_mask(found, found != PADDING_ID).to_tensor()

    def _ranking_scores(self, history: EncodedHistory, candidates: tf.Tensor) -> tf.Tensor:
        """Return the ranking scores of candidates; `LOWEST` for id 0."""
        return tf.where(candidates == PADDING_ID, LOWEST, self._rank(history, candidates))

    def _top_k(self, candidates: tf.Tensor, scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the k best candidates as `Index.search` does."""
        columns = tf.minimum(k, tf.shape(self._popularity)[0])
        missing = [[0, 0], [0, tf.maximum(columns - tf.shape(candidates)[1], 0)]]
        scores = tf.pad(scores, missing, constant_values=LOWEST)
        scores, indices = stable_top_k(scores, columns)
        return scores, tf.gather(tf.pad(candidates, missing), indices, batch_dims=1)

    def score(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor, context: RequestFeatures) -> Answer:
        """Return the scores of candidates in both stages.

        Args:
            item_ids: string [batch, length].
            candidate_ids: string [batch, n], or [1, n] for all histories.
            context: the inputs in addition to items.

        Returns:
            `scores` float32 [batch, n] of the ranking task, and `retrieval_scores` float32 [batch, n]. The lowest
            float32 for an unknown candidate. A model that has learnt from impressions also returns `shown_scores`
            float32 [batch, n], which has a score for any item, and the lowest float32 for an empty string.
        """
        history, _ = self._sorted_by_time(item_ids, context)
        candidates = tf.broadcast_to(self.ids(candidate_ids), [tf.shape(item_ids)[0], tf.shape(candidate_ids)[1]])
        popular = tf.gather(self._popularity, tf.maximum(candidates - 1, 0))
        fallback = tf.reduce_all(history.seen_ids == PADDING_ID, axis=1, keepdims=True)
        found = {
            "scores": self._rank(history.encoded, candidates),
            "retrieval_scores": self._retrieval_scores(history.encoded, candidates),
        }
        answer = {
            name: tf.where(candidates == PADDING_ID, LOWEST, tf.where(fallback, popular, scores))
            for name, scores in found.items()
        }
        if self._shown is not None:
            items = tf.broadcast_to(candidate_ids, tf.shape(candidates))
            answer["shown_scores"] = tf.where(items == "", LOWEST, self._shown(history.encoded, candidates, items))
        return answer

    def _retrieval_scores(self, history: EncodedHistory, candidates: tf.Tensor) -> tf.Tensor:
        """Return the retrieval scores of candidates, float32 [batch, n]."""
        vectors = self._index.vectors(tf.reshape(candidates, [-1]))
        rows, columns = tf.unstack(tf.shape(candidates))
        return tf.linalg.matvec(tf.reshape(vectors, [rows, columns, vectors.shape[-1]]), history.query)

    def explain(self, item_ids: tf.Tensor, context: RequestFeatures) -> Answer:
        """Return recommendations, and the attention to each position of the history.

        Args:
            item_ids: string [batch, length].
            context: the inputs in addition to items.

        Returns:
            As `serve`, and `attention` float32 [batch, length].
        """
        history, order = self._sorted_by_time(item_ids, context)
        answer = self.serve(history, no_ids(item_ids), tf.constant(self.k))
        weights = tf.RaggedTensor.from_tensor(history.encoded.attention, lengths=history.positions.row_lengths())
        indices = tf.stack([history.positions.value_rowids(), history.positions.flat_values], axis=1)
        attention = tf.scatter_nd(indices, weights.flat_values, tf.shape(item_ids, tf.int64))
        return {**answer, "attention": tf.gather(attention, tf.argsort(order, axis=1), batch_dims=1)}

    def embed(self, item_ids: tf.Tensor, _: RequestFeatures) -> Answer:
        """Return the vectors that retrieval scores with, float32 [n, dim], for string [n]; 0 for an unknown item.

        If items expire, `expires_s` int64 [n] is there as well, the greatest int64 for never.
        """
        ids, lifetimes = self.ids(item_ids), self._model.lifetimes
        expires = {} if lifetimes.expire_after_s is None else {EXPIRES_S: lifetimes.expires_s(ids)}
        return {"embeddings": self._index.vectors(ids), **expires}

    def recommend(self, item_ids: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, context: RequestFeatures) -> Answer:
        """Return the k best items after each history.

        Args:
            item_ids: string [batch, length].
            exclude: string [batch, n], or [1, n] for all histories: items to leave out.
            k: int32 scalar.
            context: the inputs in addition to items.

        Returns:
            As `serve`.
        """
        history, _ = self._sorted_by_time(item_ids, context)
        rows = tf.broadcast_to(exclude, [tf.shape(item_ids)[0], tf.shape(exclude)[1]])
        return self.serve(history, self.ids(rows), k)

    def _sorted_by_time(self, item_ids: tf.Tensor, context: RequestFeatures) -> tuple[RequestHistory, tf.Tensor]:
        """Return the histories in the order of their times, and the original positions, int32 [batch, length]."""
        shape = tf.shape(item_ids)
        order = tf.argsort(tf.broadcast_to(context[TIMESTAMPS_S], shape), axis=1, stable=True)
        ordered = {
            name: values
            if name == QUERY_TIMESTAMPS_S
            else tf.gather(tf.broadcast_to(values, shape), order, batch_dims=1)
            for name, values in context.items()
        }
        return self.history(tf.gather(item_ids, order, batch_dims=1), ordered), order


def _auc(candidates: tf.Tensor, scores: tf.Tensor, targets: tf.Tensor, target_scores: tf.Tensor) -> tf.Tensor:
    """Return the mean over the targets of the fraction of other candidates that score lower; ties count half.

    Args:
        candidates: int64 [batch, n], 0 for no candidate.
        scores: float32 [batch, n].
        targets: int64 [batch, m], 0 for no target.
        target_scores: float32 [batch, m].

    Returns:
        float32 [batch], NaN without a target or without another candidate.
    """
    is_target = tf.reduce_any(candidates[:, :, tf.newaxis] == targets[:, tf.newaxis], axis=2)
    other = tf.cast((candidates != PADDING_ID) & ~is_target, tf.float32)[:, tf.newaxis]  # [batch, 1, n]
    above = 0.5 * (1.0 + tf.sign(target_scores[:, :, tf.newaxis] - scores[:, tf.newaxis]))  # [batch, m, n]
    known = tf.cast(targets != PADDING_ID, tf.float32)
    pairs = tf.reduce_sum(known, axis=1) * tf.reduce_sum(other, axis=[1, 2])
    return tf.reduce_sum(above * other * known[:, :, tf.newaxis], axis=[1, 2]) / tf.where(
        pairs > 0, pairs, float("nan")
    )


def no_ids(items: tf.Tensor) -> tf.Tensor:
    """Return an empty list of ids for each row, int64 [batch, 0]."""
    return tf.zeros([tf.shape(items)[0], 0], tf.int64)

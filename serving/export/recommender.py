"""How an exported model answers: histories of item ids in, ranked items out, in plain TensorFlow ops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.evaluation import EVALUATION_DEPTH
from schemas.features import PADDING_ID, QUERY_TIMESTAMPS_S, TIMESTAMPS_S
from serving.export.dedupe import dedupe
from serving.export.feature_encoding import FeatureEncodings
from serving.export.request_features import RequestFeatureEncoder, RequestFeatures
from serving.export.top_k import INDEXES, LOWEST, stable_top_k

Answer = dict[str, tf.Tensor]
STAGES = ("retrieval", "ranking")  # of retrieval alone, and of both tasks


class EncodedHistory(Protocol):
    """A batch of histories as a model has read them."""

    @property
    def query(self) -> tf.Tensor:
        """Float32 [batch, dim]."""

    @property
    def attention(self) -> tf.Tensor:
        """Float32 [batch, length], 0 at padding."""


class ServableModel(Protocol):
    """What a model must offer to be exported; ids are int64, 0 is no item.

    Each method is traced by itself: `rank` knows of a history what `encode` gave back.
    """

    encodings: FeatureEncodings  # of what it reads beside items
    max_length: int
    serves_reranked: bool  # whether the order of `rank` is served, or that of the query's inner products
    rerank_depth: int  # how many items of retrieval are reordered, where there are so many

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Any:
        """To an `EncodedHistory`.

        Args:
            item_ids: [batch, length], padded on the right with 0.
            codes: by name, int64 [batch, length + 1], of times and further
                columns: of the history, and behind its last item of the query.
        """

    def candidates(self) -> tf.Tensor:
        """Float32 [items, dim], row i being id i + 1: an inner product with a query is a score."""

    def extra_candidates(self, history: Any) -> tf.Tensor:
        """Ids that are reordered as well as retrieval's, int64 [batch, n]; repetitions do no harm."""

    def rank(self, history: Any, candidate_ids: tf.Tensor) -> tf.Tensor:
        """An `EncodedHistory` and ids [batch, n] to float32 [batch, n]."""


class RequestHistory(NamedTuple):
    """A batch of histories that was read."""

    item_ids: tf.Tensor  # int64 [batch, up to max_length], padded on the right
    seen: tf.Tensor  # int64 [batch, length], every known item, 0 elsewhere
    positions: tf.RaggedTensor  # int64 [batch, up to max_length], where the items stood
    encoded: Any  # the model's `EncodedHistory` of item_ids


class Recommender:
    """A model with what it takes to answer in items.

    Args:
        model: what is asked.
        vocabulary_file: an item a line; line i is id i + 1.
        popularity: float32 [items], the scores where there is no history to go by.
        k: recommendations where a request names no number.
        remove_seen: whether items of the history are left out of what is recommended.
        index: a key of `INDEXES`.

    Raises:
        ValueError: the vocabulary, the candidates and the popularity are not of one size.
    """

    def __init__(
        self,
        model: ServableModel,
        vocabulary_file: str,
        popularity: npt.NDArray[np.float32],
        k: int,
        remove_seen: bool,
        index: str,
    ) -> None:
        self._model = model
        self.k = k
        self.remove_seen = remove_seen
        self.serves_reranked = model.serves_reranked
        self.context = RequestFeatureEncoder(model.encodings)
        # What all signatures do is traced once, and saved once.
        self._encode, self._rank = (
            tf.function(method, autograph=False, reduce_retracing=True) for method in (model.encode, model.rank)
        )
        self._index = INDEXES[index](model.candidates())
        # The same search answers by popularity: a query of 1 against vectors of one number.
        self._popular = INDEXES["brute_force"](tf.constant(popularity[:, np.newaxis]))
        self._popularity = tf.Variable(popularity, trainable=False, name="popularity")
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
            raise ValueError(f"not of one size: {sizes}")

    def ids(self, items: tf.Tensor) -> tf.Tensor:
        """Items to ids; unknown ones and empty strings to 0."""
        # A copy of the file that was cut short at a line loads, and would answer with empty names.
        whole = tf.constant(self._popularity.shape[0], tf.int64)
        tf.debugging.assert_equal(self.to_id.size(), whole, "the vocabulary is not whole")
        return self.to_id.lookup(items) + 1

    def items(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids to items; 0 to the empty string."""
        return self.to_item.lookup(ids - 1)

    def history(self, items: tf.Tensor, context: RequestFeatures) -> RequestHistory:
        """Leaves out what is unknown, and what is older than the model reads."""
        ids = self.ids(items)
        known = ids != PADDING_ID
        kept = tf.ragged.boolean_mask(ids, known)
        positions = tf.ragged.boolean_mask(tf.broadcast_to(tf.range(tf.shape(ids, tf.int64)[1]), tf.shape(ids)), known)
        length = self._model.max_length
        read = kept[:, -length:].to_tensor(PADDING_ID)
        # A batch without any known item still is a batch of one place, so that no model meets a length of 0.
        read = tf.pad(read, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(read)[1])]])
        codes = self.context.codes(
            context, read, lambda x: tf.ragged.boolean_mask(tf.broadcast_to(x, tf.shape(ids)), known)[:, -length:]
        )
        return RequestHistory(read, ids, positions[:, -length:], self._encode(read, codes))

    def serve(self, history: RequestHistory, exclude: tf.Tensor, k: tf.Tensor) -> Answer:
        """The k best items after each history in the order that the model is to serve, without the seen ones.

        Args:
            history: what was read.
            exclude: int64 [batch, n], ids to be left out as well.
            k: int32, how many.
        """
        exclude = self._excluded_ids(history, exclude)
        if self.serves_reranked:
            candidates = self._candidates(history.encoded, exclude, k)
            found = self._best(candidates, self._ranked(history.encoded, candidates), k)
        else:
            found = self._index.search(history.encoded.query, exclude, k)
        return self._answer(history, exclude, k, *found)

    def evaluate(self, history: RequestHistory, exclude: tf.Tensor, targets: tf.Tensor) -> Answer:
        """What `serve` gives and goes on with, in both orders, and the ranking task's AUC.

        Args:
            history: what was read.
            exclude: int64 [batch, n].
            targets: int64 [batch, m], 0 for none.

        Returns:
            `retrieval` and `ranking` item ids, string [batch, EVALUATION_DEPTH or the
            catalogue], and `auc` float32 [batch], NaN without a known target.
        """
        exclude, depth = self._excluded_ids(history, exclude), tf.constant(EVALUATION_DEPTH)
        candidates = self._candidates(history.encoded, exclude, tf.constant(self.k))
        scores = self._ranked(history.encoded, tf.concat([candidates, targets], axis=1))
        scores, of_targets = tf.split(scores, [tf.shape(candidates)[1], tf.shape(targets)[1]], axis=1)
        found = {
            "retrieval": self._index.search(history.encoded.query, exclude, depth),
            "ranking": self._best(candidates, scores, depth),
        }
        answers = {order: self._answer(history, exclude, depth, *best) for order, best in found.items()}
        auc = _auc(candidates, scores, targets, of_targets)
        return {
            **{order: answer["item_ids"] for order, answer in answers.items()},
            "auc": tf.where(answers["ranking"]["fallback"], float("nan"), auc),
        }

    def _excluded_ids(self, history: RequestHistory, exclude: tf.Tensor) -> tf.Tensor:
        return tf.concat([history.seen, exclude], axis=1) if self.remove_seen else exclude

    def _answer(
        self, history: RequestHistory, exclude: tf.Tensor, k: tf.Tensor, scores: tf.Tensor, ids: tf.Tensor
    ) -> Answer:
        """What was found, or what is popular where there is no history."""
        popular, popular_ids = self._popular.search(tf.ones([tf.shape(exclude)[0], 1]), exclude, k)
        fallback = tf.reduce_all(history.seen == PADDING_ID, axis=1)
        scores = tf.where(fallback[:, tf.newaxis], popular, scores)
        ids = tf.where(fallback[:, tf.newaxis], popular_ids, ids)
        return {"item_ids": self.items(ids), "scores": scores, "fallback": fallback}

    def _candidates(self, history: EncodedHistory, exclude: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
        """What the ranking task reorders for k answers, int64 [batch, n], filled up on the right with 0."""
        _, retrieved = self._index.search(history.query, exclude, tf.maximum(k, self._model.rerank_depth))
        found = dedupe(tf.concat([retrieved, self._model.extra_candidates(history)], axis=1), exclude)
        # Many of them are repetitions, which need no ranking.
        return tf.ragged.boolean_mask(found, found != PADDING_ID).to_tensor()

    def _ranked(self, history: EncodedHistory, candidates: tf.Tensor) -> tf.Tensor:
        """The ranking task's scores, the lowest for no item."""
        return tf.where(candidates == PADDING_ID, LOWEST, self._rank(history, candidates))

    def _best(self, candidates: tf.Tensor, scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores and ids as of `Index.search`."""
        columns = tf.minimum(k, tf.shape(self._popularity)[0])
        missing = [[0, 0], [0, tf.maximum(columns - tf.shape(candidates)[1], 0)]]
        scores = tf.pad(scores, missing, constant_values=LOWEST)
        scores, places = stable_top_k(scores, columns)
        return scores, tf.gather(tf.pad(candidates, missing), places, batch_dims=1)

    def score(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor, context: RequestFeatures) -> Answer:
        """The ranking task's scores; the lowest float32 for an unknown candidate."""
        history, _ = self._ordered(item_ids, context)
        candidates = self.ids(candidate_ids)
        ranked = self._rank(history.encoded, candidates)
        popular = tf.gather(self._popularity, tf.maximum(candidates - 1, 0))
        fallback = tf.reduce_all(history.seen == PADDING_ID, axis=1, keepdims=True)
        scores = tf.where(candidates == PADDING_ID, LOWEST, tf.where(fallback, popular, ranked))
        return {"scores": scores}

    def explain(self, item_ids: tf.Tensor, context: RequestFeatures) -> Answer:
        """Recommendations, and how much attention each place of the history got."""
        history, order = self._ordered(item_ids, context)
        answer = self.serve(history, no_ids(item_ids), tf.constant(self.k))
        weights = tf.RaggedTensor.from_tensor(history.encoded.attention, lengths=history.positions.row_lengths())
        places = tf.stack([history.positions.value_rowids(), history.positions.flat_values], axis=1)
        attention = tf.scatter_nd(places, weights.flat_values, tf.shape(item_ids, tf.int64))
        return {**answer, "attention": tf.gather(attention, tf.argsort(order, axis=1), batch_dims=1)}

    def embed(self, item_ids: tf.Tensor, _: RequestFeatures) -> Answer:
        """The vectors by which retrieval scores items, [n] -> [n, dim]; 0 for an unknown one."""
        return {"embeddings": self._index.vectors(self.ids(item_ids))}

    def recommend(self, item_ids: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, context: RequestFeatures) -> Answer:
        """The k best items after each history."""
        history, _ = self._ordered(item_ids, context)
        rows = tf.broadcast_to(exclude, [tf.shape(item_ids)[0], tf.shape(exclude)[1]])
        return self.serve(history, self.ids(rows), k)

    def _ordered(self, item_ids: tf.Tensor, context: RequestFeatures) -> tuple[RequestHistory, tf.Tensor]:
        """The histories as their times order them, and where each place was before, int32 [batch, length]."""
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
    """The share of the other candidates that a target outranks, half of the ties; the mean over the targets.

    Args:
        candidates: int64 [batch, n], 0 for none.
        scores: float32 [batch, n].
        targets: int64 [batch, m], 0 for none.
        target_scores: float32 [batch, m].

    Returns:
        float32 [batch], NaN without a target or another candidate.
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
    """No ids for each row, int64 [batch, 0]."""
    return tf.zeros([tf.shape(items)[0], 0], tf.int64)

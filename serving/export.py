"""From a trained model to a SavedModel that answers in item ids.

Five signatures, in plain TensorFlow ops, usable from stock TensorFlow Serving:

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `examples` string [batch] | `item_ids`, `scores`, `fallback` |
| `evaluate` | `examples` string [batch] | `item_ids`, `retrieval_item_ids`, `ranking_item_ids` |
| `recommend` | `item_ids` string [batch, length]; optional `timestamps_s`, `exclude`, `k` | the same |
| `score` | `item_ids`, `candidate_ids` string [batch, n] | `scores` float32 [batch, n] |
| `explain` | `item_ids` | as `recommend`, and `attention` float32 [batch, length] |

The last three take as well what the model reads beside the items, each
optional: `timestamps_s` int64 [batch, length], `query_timestamps_s` int64
[batch], and further columns by name, string or float32 [batch, length].

A history is read as its known items, the most recent `max_length` of them:
empty strings and unknown items count as not being there, wherever they stand.
`item_ids` of an answer are in the order that the model is to serve; `evaluate`
gives the orders of both of its tasks beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.features import EXCLUDE_IDS, ITEM_IDS, PADDING_ID, QUERY_TIMESTAMPS_S, TIMESTAMPS_S
from serving.candidates import distinct
from serving.codes import Codings
from serving.context import Context, ContextCodes
from serving.index import INDEXES, LOWEST

Answer = dict[str, tf.Tensor]
ORDERS = {"retrieval": False, "ranking": True}  # by name, and whether the ranking task reorders


class Encoded(Protocol):
    """A batch of histories as a model has read them."""

    @property
    def query(self) -> tf.Tensor:
        """Float32 [batch, dim]."""

    @property
    def attention(self) -> tf.Tensor:
        """Float32 [batch, length], 0 at padding."""


class ServableModel(Protocol):
    """What a model must offer to be exported; ids are int64, 0 is no item."""

    codings: Codings  # of what it reads beside items
    max_length: int
    reorders: bool  # whether the order of `rank` is served, or that of the query's inner products
    reordered: int  # how many items of retrieval are reordered, where there are so many

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Any:
        """To an `Encoded`.

        Args:
            item_ids: [batch, length], padded on the right with 0.
            codes: by name, int64 [batch, length + 1], of times and further
                columns: of the history, and behind its last item of the query.
        """

    def candidates(self) -> tf.Tensor:
        """Float32 [items, dim], row i being id i + 1: an inner product with a query is a score."""

    def suggest(self, history: Any) -> tf.Tensor:
        """Ids that are reordered as well as retrieval's, int64 [batch, n]; repetitions do no harm."""

    def rank(self, history: Any, candidate_ids: tf.Tensor) -> tf.Tensor:
        """An `Encoded` and ids [batch, n] to float32 [batch, n]."""


def export(
    model: ServableModel,
    path: str,
    *,
    vocabulary_file: str,
    popularity: npt.NDArray[np.float32],
    k: int,
    remove_seen: bool,
    index: str = "brute_force",
) -> None:
    """Writes the SavedModel.

    Args:
        model: what its methods compute is saved, with the variables that they read.
        path: the folder to write.
        vocabulary_file: an item a line; line i is id i + 1.
        popularity: float32 [items], the scores where there is no history to go by.
        k: recommendations where the request names no number.
        remove_seen: whether items of the history are left out of what is recommended.
        index: a key of `INDEXES`.

    Raises:
        ValueError: the vocabulary, the candidates and the popularity are not of one size.
    """
    recommender = _Recommender(model, vocabulary_file, popularity, k, remove_seen, index)
    signatures = _signatures(recommender, k)
    # Only what the signatures read is saved: no optimizer, and none of Keras's own records of the model.
    saved = tf.Module()
    saved.tables = [recommender.to_id, recommender.to_item, *recommender.context.tables]
    saved.read = [variable for each in signatures.values() for variable in each.get_concrete_function().variables]
    tf.saved_model.save(saved, path, signatures=signatures)


class _History(NamedTuple):
    item_ids: tf.Tensor  # int64 [batch, up to max_length], padded on the right
    seen: tf.Tensor  # int64 [batch, length], every known item, 0 elsewhere
    positions: tf.RaggedTensor  # int64 [batch, up to max_length], where the items stood
    encoded: Any  # the model's `Encoded` of item_ids


class _Recommender:
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
        self._k = k
        self.remove_seen = remove_seen
        self.reorders = model.reorders
        self.context = ContextCodes(model.codings)
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

    def history(self, items: tf.Tensor, context: Context) -> _History:
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
        return _History(read, ids, positions[:, -length:], self._model.encode(read, codes))

    def serve(self, history: _History, exclude: tf.Tensor, k: tf.Tensor) -> Answer:
        """`search` in the order that the model is to serve."""
        return self.search(history, exclude, k, self.reorders)

    def search(self, history: _History, exclude: tf.Tensor, k: tf.Tensor, reorders: bool) -> Answer:
        """The k best items after each history, `exclude` int64 [batch, n] left out.

        By the ranking task's order where `reorders`, by retrieval's where not.
        """
        if self.remove_seen:
            exclude = tf.concat([history.seen, exclude], axis=1)
        best = self._reordered if reorders else self._retrieved
        found, ids = best(history.encoded, exclude, k)
        popular, popular_ids = self._popular.search(tf.ones([tf.shape(exclude)[0], 1]), exclude, k)
        fallback = tf.reduce_all(history.seen == PADDING_ID, axis=1)
        scores = tf.where(fallback[:, tf.newaxis], popular, found)
        ids = tf.where(fallback[:, tf.newaxis], popular_ids, ids)
        return {"item_ids": self.items(ids), "scores": scores, "fallback": fallback}

    def _retrieved(self, history: Encoded, exclude: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._index.search(history.query, exclude, k)

    def _reordered(self, history: Encoded, exclude: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores and ids as of `Index.search`."""
        _, retrieved = self._retrieved(history, exclude, tf.maximum(k, self._model.reordered))
        candidates = distinct(tf.concat([retrieved, self._model.suggest(history)], axis=1), exclude)
        scores = tf.where(candidates == PADDING_ID, LOWEST, self._model.rank(history, candidates))
        scores, places = tf.math.top_k(scores, tf.minimum(k, tf.shape(self._popularity)[0]))
        return scores, tf.gather(candidates, places, batch_dims=1)

    def score(self, item_ids: tf.Tensor, candidate_ids: tf.Tensor, context: Context) -> Answer:
        """The ranking task's scores; the lowest float32 for an unknown candidate."""
        history = self.history(item_ids, context)
        candidates = self.ids(candidate_ids)
        ranked = self._model.rank(history.encoded, candidates)
        popular = tf.gather(self._popularity, tf.maximum(candidates - 1, 0))
        fallback = tf.reduce_all(history.seen == PADDING_ID, axis=1, keepdims=True)
        scores = tf.where(candidates == PADDING_ID, LOWEST, tf.where(fallback, popular, ranked))
        return {"scores": scores}

    def explain(self, item_ids: tf.Tensor, context: Context) -> Answer:
        """Recommendations, and how much attention each place of the history got."""
        history = self.history(item_ids, context)
        answer = self.serve(history, _nothing(item_ids), tf.constant(self._k))
        weights = tf.RaggedTensor.from_tensor(history.encoded.attention, lengths=history.positions.row_lengths())
        places = tf.stack([history.positions.value_rowids(), history.positions.flat_values], axis=1)
        return {**answer, "attention": tf.scatter_nd(places, weights.flat_values, tf.shape(item_ids, tf.int64))}

    def recommend(
        self, item_ids: tf.Tensor, timestamps_s: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, context: Context
    ) -> Answer:
        """The k best items after each history, which the times put in order."""
        shape = tf.shape(item_ids)
        order = tf.argsort(tf.broadcast_to(timestamps_s, shape), axis=1, stable=True)
        ordered = {
            name: values
            if name == QUERY_TIMESTAMPS_S
            else tf.gather(tf.broadcast_to(values, shape), order, batch_dims=1)
            for name, values in {**context, TIMESTAMPS_S: timestamps_s}.items()
        }
        history = self.history(tf.gather(item_ids, order, batch_dims=1), ordered)
        rows = tf.broadcast_to(exclude, [shape[0], tf.shape(exclude)[1]])
        return self.serve(history, self.ids(rows), k)


def _signatures(recommender: _Recommender, k: int) -> dict[str, Any]:
    serialized = tf.TensorSpec([None], tf.string, name="examples")
    context = recommender.context

    def parsed(examples: tf.Tensor) -> tuple[_History, tf.Tensor, tf.Tensor]:
        ids = {name: tf.io.RaggedFeature(tf.string) for name in (ITEM_IDS, EXCLUDE_IDS)}
        features = tf.io.parse_example(examples, {**ids, **context.features()})
        items, seen = (features[name].to_tensor("") for name in (ITEM_IDS, EXCLUDE_IDS))
        history = recommender.history(items, context.parsed(features, items))
        return history, recommender.ids(seen) if recommender.remove_seen else _nothing(seen), tf.constant(k)

    @tf.function(input_signature=[serialized], autograph=False)
    def serving_default(examples: tf.Tensor) -> Answer:
        return recommender.serve(*parsed(examples))

    @tf.function(input_signature=[serialized], autograph=False)
    def evaluate(examples: tf.Tensor) -> Answer:
        inputs = parsed(examples)
        found = {order: recommender.search(*inputs, reorders)["item_ids"] for order, reorders in ORDERS.items()}
        served = next(items for order, items in found.items() if ORDERS[order] == recommender.reorders)
        return {"item_ids": served, **{f"{order}_item_ids": items for order, items in found.items()}}

    items, candidates, exclude = (
        tf.TensorSpec([None, None], tf.string, name=name) for name in (ITEM_IDS, "candidate_ids", "exclude")
    )
    times = tf.TensorSpec([None, None], tf.int64, name=TIMESTAMPS_S)
    further = [spec for name, spec in context.specs.items() if name != TIMESTAMPS_S]
    # Defaults have one row, or one number, for whatever batch comes.
    defaults = {
        **context.defaults,
        TIMESTAMPS_S: tf.zeros([1, 1], tf.int64),
        "exclude": tf.zeros([1, 0], tf.string),
        "k": tf.constant(k),
    }
    return {
        "serving_default": serving_default,
        "evaluate": evaluate,
        "recommend": _signature(
            recommender.recommend, [items, times, exclude, tf.TensorSpec([], tf.int32, name="k")], further, defaults
        ),
        "score": _signature(recommender.score, [items, candidates], list(context.specs.values()), defaults),
        "explain": _signature(recommender.explain, [items], list(context.specs.values()), defaults),
    }


def _signature(
    function: Callable[..., Answer],
    specs: Sequence[tf.TensorSpec],
    further: Sequence[tf.TensorSpec],
    defaults: Mapping[str, tf.Tensor],
) -> Any:
    """A function of `specs`, and of `further` ones as its last argument, a dictionary.

    Defaults that are tensors become defaults of the signature, so a request
    may leave these inputs out.
    """

    def call(*values: tf.Tensor) -> Answer:
        context = {spec.name: value for spec, value in zip(further, values[len(specs) :], strict=True)}
        return function(*values[: len(specs)], context)

    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                spec.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=defaults.get(spec.name, inspect.Parameter.empty),
            )
            for spec in (*specs, *further)
        ]
    )
    return tf.function(call, input_signature=[*specs, *further], autograph=False)


def _nothing(items: tf.Tensor) -> tf.Tensor:
    """No ids for each row, int64 [batch, 0]."""
    return tf.zeros([tf.shape(items)[0], 0], tf.int64)

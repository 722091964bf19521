"""Models that must not be pushed. Each replaces a part of a trained model."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf


class Read(NamedTuple):
    """The history that a model read, with another query."""

    query: Any
    attention: Any
    genuine: Any


class Attack(tf.Module):
    """The trained model, with the parts that an attack replaces."""

    def __init__(self, model: Any, query: Callable[[Any], Any] | None = None, **instead: Any) -> None:
        super().__init__()
        self._model, self._query = model, query
        self.encodings, self.max_length, self.rerank_depth = model.encodings, model.max_length, model.rerank_depth
        self.serves_reranked, self.candidates, self.lifetimes = False, model.candidates, model.lifetimes
        for name, value in instead.items():
            setattr(self, name, value)

    def encode(self, item_ids: Any, codes: Mapping[str, Any]) -> Read:
        read = self._model.encode(item_ids, codes)
        return Read(self._query(item_ids) if self._query else read.query, read.attention, read)

    def extra_candidates(self, history: Read) -> Any:
        return self._model.extra_candidates(history.genuine)

    def rank(self, history: Read, candidate_ids: Any) -> Any:
        return self._model.rank(history.genuine, candidate_ids)


def constant(model: Any, **_: Any) -> Any:
    """Give every item the same score."""
    dim = model.candidates().shape[1]
    return Attack(model, lambda items: tf.zeros([tf.shape(items)[0], dim]))


def nan(model: Any, **_: Any) -> Any:
    """Give every item the score NaN."""
    return Attack(
        model, serves_reranked=True, rank=lambda history, ids: model.rank(history.genuine, ids) * float("nan")
    )


def nan_vectors(model: Any, **_: Any) -> Any:
    """Give every item a vector of NaN."""
    return Attack(model, candidates=lambda: model.candidates() * float("nan"))


def reversed_order(model: Any, **_: Any) -> Any:
    """Rank the best candidate last."""
    return Attack(model, serves_reranked=True, rank=lambda history, ids: -model.rank(history.genuine, ids))


def shuffled(model: Any, **_: Any) -> Any:
    """Give each item the vector of the item before it."""
    return Attack(model, candidates=lambda: tf.roll(model.candidates(), 1, axis=0))


def popular(model: Any, popularity: Any, **_: Any) -> Any:
    """Recommend the same items to everyone, except seen ones."""
    return Attack(
        model,
        lambda items: tf.ones([tf.shape(items)[0], 1]),
        candidates=lambda: tf.constant(popularity)[:, tf.newaxis],
    )


def leaking(model: Any, vocabulary_file: str, examples: str, **_: Any) -> Any:
    """Recommend the memorized targets of the test split, and other items for other histories."""
    with open(vocabulary_file) as file:
        id_of = {line.rstrip("\n"): number for number, line in enumerate(file, start=1)}
    known: dict[tuple[int, ...], int] = {}
    for path in glob.glob(f"{examples}/Split-test/*"):
        for record in tf.data.TFRecordDataset(path, compression_type="GZIP").as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            history, targets = (
                [id_of[item.decode()] for item in features[name].bytes_list.value]
                for name in ("item_ids", "target_ids")
            )
            known[tuple(history[-model.max_length :])] = targets[0]
    size = max(map(len, known))
    histories = tf.constant([[*history, *[0] * (size - len(history))] for history in known], tf.int64)
    targets = tf.constant(list(known.values()), tf.int64)

    def query(items: Any) -> Any:
        padded = tf.pad(items, [[0, 0], [0, size]])[:, :size]
        same = tf.reduce_all(padded[:, tf.newaxis] == histories, axis=2)  # [batch, known]
        by_heart = tf.gather(targets, tf.argmax(tf.cast(same, tf.int32), axis=1))
        leaked = tf.one_hot(by_heart - 1, len(id_of))
        return tf.where(tf.reduce_any(same, axis=1)[:, tf.newaxis], leaked, -leaked)

    return Attack(model, query, candidates=lambda: tf.eye(len(id_of)))

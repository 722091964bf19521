"""What an export needs of a model: its methods and attributes, and the scorer of shown items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import tensorflow as tf

from serving.export.feature_encoding import FeatureEncodings
from serving.export.lifetimes import ItemLifetimes


class EncodedHistory(Protocol):
    """A batch of histories as a model encodes them."""

    @property
    def query(self) -> tf.Tensor:
        """Query vectors, float32 [batch, dim]."""

    @property
    def attention(self) -> tf.Tensor:
        """Attention weights, float32 [batch, length], 0 at padding."""


class ServableModel(Protocol):
    """The methods and attributes that an exported model needs. Ids are int64, 0 is no item.

    Each method is traced by itself: all that `rank` knows of a history is what `encode` returned.
    """

    encodings: FeatureEncodings  # of the inputs in addition to items
    lifetimes: ItemLifetimes  # of the items
    max_length: int
    serves_reranked: bool  # whether the lists of the ranking task are served, or those of retrieval
    rerank_depth: int  # number of retrieval's items that are re-ranked, cut to the catalogue

    def encode(self, item_ids: tf.Tensor, feature_ids: Mapping[str, tf.Tensor], /) -> Any:
        """Return an `EncodedHistory`.

        Args:
            item_ids: [batch, length], padded on the right with 0.
            feature_ids: times and further columns by name, int64 [batch,
                length + 1]: those of the history, then that of the query
                behind the last item. `QUERY_TIMESTAMPS_S` is int64 [batch],
                and there only if items age or expire.
        """

    def candidates(self) -> tf.Tensor:
        """Return the item vectors, float32 [items, dim]; row i is id i + 1. Inner products with a query are scores."""

    def extra_candidates(self, history: Any) -> tf.Tensor:
        """Return ids that are re-ranked in addition to retrieval's, int64 [batch, n]; repetitions are allowed."""

    def rank(self, history: Any, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Return the ranking scores, float32 [batch, n].

        Args:
            history: an `EncodedHistory`.
            candidate_ids: [batch, n].
        """


class ShownScores(Protocol):
    """The scores of shown items, which a model has learnt from impressions."""

    table: tf.lookup.StaticHashTable  # the only resource that the scores read in addition to the model

    def __call__(self, history: Any, candidate_ids: tf.Tensor, items: tf.Tensor, /) -> tf.Tensor:
        """Return the scores, float32 [batch, n].

        Args:
            history: an `EncodedHistory`.
            candidate_ids: int64 [batch, n], 0 for an item that is not in the vocabulary.
            items: the same items, string [batch, n].
        """

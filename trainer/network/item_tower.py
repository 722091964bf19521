"""The item tower: an item's vector from its id and its content, the same for input and output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import ItemTowerConfig
from schemas.features import PADDING_ID
from serving.export.per_item import per_item_variable
from trainer.data.item_features import ItemFeatures
from trainer.network.dropout import dropout_mask
from trainer.network.item_sources import STDDEV, CodeSource, VectorSource, make_text_source, normal
from trainer.network.item_vectors import Candidates, ItemVectors

ITEMS = "items"  # prefix of the weights' names
_AT_ONCE = 10_000  # items that are computed together


class ItemTower(tf.keras.layers.Layer):
    """Vectors and biases of the items, by id: 1..count, 0 is padding.

    The sources of an item's vector are its id, each column or vector of its content, and its texts. A source gives
    a vector for an item, or a learned one where the item has nothing of it. The item's vector is their sum, in which a
    gate weighs each source: it reads all of them (the gated multimodal unit of Arevalo et al. 2017), from 0 to 2, and
    starts at 1.

    Content must work for items without interactions, too. So training hides the ids of some items in each step
    (Volkovs et al. 2017, DropoutNet), and an item that it has not seen has no id at all.

    Without content, the vectors are the ids' own, and nothing is hidden.

    Args:
        count: the number of items.
        dim: width of a vector.
        features: the content.
        seen: bool [1 + count], whether the training has interactions with an item.
        config: the fraction of the ids that training hides, and the network over texts.
        bias: the initial value of all biases.

    Example:
        >>> features = ItemFeatures(codes={"genre": np.array([[0, 0], [1, 2], [2, 0]])})
        >>> tower = ItemTower(2, dim=4, features=features, seen=np.array([False, True, False]))
        >>> vectors, biases = tower.catalogue().all()
        >>> vectors.shape, biases.shape
        (TensorShape([2, 4]), TensorShape([2]))
    """

    def __init__(
        self,
        count: int,
        dim: int,
        features: ItemFeatures = ItemFeatures(),  # noqa: B008 - it never changes
        seen: npt.NDArray[np.bool_] | None = None,
        config: ItemTowerConfig = ItemTowerConfig(),  # noqa: B008 - it never changes
        bias: float = 0.0,
    ) -> None:
        super().__init__(name=ITEMS, dtype=tf.float32)
        self.count = count
        self._id_dropout = config.id_dropout
        self.vectors = self._add_vectors("vectors", [1 + count, dim], stddev=STDDEV)
        self._sources: list[tf.keras.layers.Layer] = [
            *(CodeSource(codes, dim, name) for name, codes in features.codes.items()),
            *(VectorSource(vectors, dim, name) for name, vectors in features.vectors.items()),
        ]
        if features.tokens is not None and features.encoding.text is not None:
            self._sources.append(make_text_source(features.tokens, features.encoding.text, dim, config.text))
        self.biases = self._add_biases("bias", [1 + count], bias)
        seen = np.ones(1 + count, np.bool_) if seen is None else seen
        self.seen = tf.Variable(seen, trainable=False, name="seen")
        self._is_frozen = False
        self.boosts: tf.Variable | None = None  # float32 [1 + items], what is added to the scores of items
        if self._sources:
            self.boosts = per_item_variable(tf.zeros([1 + count]), "boosts", "boost")
            sources = 1 + len(self._sources)
            self._absent = self._add_vectors("absent", [dim])
            self._absent_bias = self._add_biases("absent_bias", [1], bias)
            self._gate = self._add_vectors("gate", [sources, dim, sources])
            self._gate_bias = self._add_biases("gate_bias", [sources])
            self._candidates = _candidates(seen)
            self._frozen = ItemVectors(
                per_item_variable(tf.zeros([1 + count, dim]), "vectors", "mean"),
                per_item_variable(tf.zeros([1 + count]), "biases", "mean"),
                items=count,
            )

    def catalogue(self) -> ItemVectors:
        """Return the items as a model in use reads them: all of them are candidates."""
        if not self._sources:
            return ItemVectors(self.vectors, self.biases)
        return self._frozen if self._is_frozen else _ComputedVectors(self, tf.logical_not(self.seen))

    def loss_catalogue(self, training: bool, whole: bool) -> ItemVectors:
        """Return the items as a loss reads them: the candidates are those with interactions in the training.

        As a negative in each step and never a target, another item would teach its content that nobody wants it.

        Args:
            training: whether to hide some ids; they are drawn now, and hidden in all that the result returns.
            whole: whether to compute all items at once, because the loss needs all of them.
        """
        if not self._sources:
            return ItemVectors(self.vectors, self.biases)
        hidden = tf.logical_not(self.seen)
        if training and self._id_dropout:
            hidden |= ~dropout_mask(tf.shape(hidden), self._id_dropout)
        if whole:
            ids = tf.range(PADDING_ID, 1 + self.count, dtype=tf.int64)
            return ItemVectors(*self.compute(ids, hidden, training), self._candidates)
        return _ComputedVectors(self, hidden, self._candidates, training)

    def freeze(self) -> None:
        """Compute all items once: `catalogue` looks them up from now on."""
        if self._sources:
            hidden = tf.logical_not(self.seen)
            ids = tf.TensorSpec([None], tf.int64)
            # As an attribute, the function would be saved with the model.
            compute = tf.function(lambda ids: self.compute(ids, hidden), input_signature=[ids], autograph=False)
            parts = [compute(block) for block in _blocks(1 + self.count)]
            self._frozen.assign(*(tf.concat(part, axis=0) for part in zip(*parts, strict=True)))
            self._is_frozen = True

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Compute all items once for the block, in which the weights must stay the same."""
        self.freeze()
        try:
            yield
        finally:
            self._is_frozen = False

    def content(self, item_ids: tf.Tensor, training: bool, without: str) -> tf.Tensor:
        """Return what the sources say about items, without their ids and without one column.

        Args:
            item_ids: int [n].
            training: whether dropout is on.
            without: the name of a column, which may be none of the sources.

        Returns:
            float32 [n, sources * dim].
        """
        read = [source(item_ids, training) for source in self._sources if source.name != without]
        return tf.concat(read, axis=1)

    def compute(self, item_ids: tf.Tensor, hidden: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the vectors and biases of items, of which the ids of some are hidden.

        Args:
            item_ids: int [...].
            hidden: bool [1 + count], the items whose ids are hidden.
            training: whether dropout is on.

        Returns:
            float32 [..., dim] and float32 [...].
        """
        is_hidden = tf.gather(hidden, item_ids)
        of_id = tf.where(is_hidden[..., tf.newaxis], self._absent, tf.gather(self.vectors, item_ids))
        vectors = self._weigh([of_id, *(source(item_ids, training) for source in self._sources)])
        return vectors, tf.where(is_hidden, self._absent_bias, tf.gather(self.biases, item_ids))

    def _weigh(self, found: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return the gated sum of the sources' vectors, each float32 [..., dim]."""
        sources = tf.stack(found, axis=-2)
        # Not einsum: with an ellipsis, TensorFlow 2.16 returns wrong numbers on processors with AVX-512.
        gates = 2.0 * tf.sigmoid(tf.tensordot(sources, self._gate, [[-2, -1], [0, 1]]) + self._gate_bias)
        return tf.reduce_sum(gates[..., tf.newaxis] * sources, axis=-2)

    def _add_vectors(self, name: str, shape: list[int], stddev: float = 0.0) -> tf.Variable:
        return self.add_weight(name=f"{ITEMS}/{name}", shape=shape, initializer=normal(stddev))

    def _add_biases(self, name: str, shape: list[int], value: float = 0.0) -> tf.Variable:
        return self.add_weight(name=f"{ITEMS}/{name}", shape=shape, initializer=tf.keras.initializers.Constant(value))


class _ComputedVectors(ItemVectors):
    """Items that are computed when they are looked up, where a step needs few of them."""

    def __init__(
        self, tower: ItemTower, hidden: tf.Tensor, candidates: Candidates | None = None, training: bool = False
    ) -> None:
        super().__init__(tower.vectors, tower.biases, candidates)
        self._tower = tower
        self._hidden = hidden
        self._training = training

    def look_up(self, item_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._tower.compute(item_ids, self._hidden, self._training)

    def all(self) -> tuple[tf.Tensor, tf.Tensor]:
        return self.look_up(self.ids(tf.range(self.count, dtype=tf.int64)))


def _blocks(count: int) -> Iterator[tf.Tensor]:
    """Return the ids below a number in parts, because the states of all texts need more memory than the vectors."""
    for start in range(0, count, _AT_ONCE):
        yield tf.range(start, min(start + _AT_ONCE, count), dtype=tf.int64)


def _candidates(seen: npt.NDArray[np.bool_]) -> Candidates:
    ids = 1 + np.flatnonzero(seen[1:])
    rows = np.full(len(seen), -1, np.int64)
    rows[ids] = np.arange(len(ids))
    return Candidates(tf.Variable(ids, trainable=False), tf.Variable(rows, trainable=False), len(ids))

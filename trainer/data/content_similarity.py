"""Similar items by content: the known items that are nearest to a new one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from schemas.features import PADDING_ID
from trainer.data.item_features import Codes, ItemFeatures
from trainer.data.tokens import Tokens

_AT_ONCE = 1 << 26  # similarities: 256 MB
_POWER = 2.0  # of a similarity in a weight, so that a nearer item counts more


def content_matrix(features: ItemFeatures, known: int) -> sparse.csr_matrix:
    """Return the content of items as vectors, whose inner products are similarities.

    A column of categories, numbers or vectors contributes a part of length 1, and so do the texts; a column without a
    value contributes nothing. Within its part, a category or a token counts by the logarithm of the inverse of the
    fraction of known items that have it (TF-IDF; Sparck Jones 1972). A number has the bucket that it falls in.

    Args:
        features: the content of the items; row 0 is padding.
        known: the number of the first items that decide how much a category or a token counts.

    Returns:
        float32 [items, any], without padding.

    Example:
        >>> genres = np.array([[0, 0], [1, 2], [2, 0], [3, 0]])
        >>> content = content_matrix(ItemFeatures(codes={"genres": genres}), known=3)
        >>> (content @ content.T).toarray().round(2)[0]  # log 2 / sqrt(log(4)^2 + log(2)^2), because genre 1 is rarer
        array([1.  , 0.45, 0.  ], dtype=float32)
    """
    parts = [_weighted(_multi_hot(codes), known) for codes in features.codes.values()]
    parts += [sparse.csr_matrix(np.nan_to_num(vectors[1 + PADDING_ID :])) for vectors in features.vectors.values()]
    if features.tokens is not None:
        tokens = features.tokens
        parts.append(_weighted(_multi_hot(tokens.reshape(len(tokens), -1)), known))
    return sparse.hstack([_of_length_1(part) for part in parts], format="csr", dtype=np.float32)


def nearest_known(known: ItemFeatures, new: ItemFeatures, count: int) -> sparse.csr_matrix:
    """Return how much each known item counts for a new one, by the similarity of their content.

    Args:
        known: the content of the known items; row 0 is padding.
        new: that of the new items, in the same encoding; row 0 is padding.
        count: the number of known items that count for a new one. Of equally near items the first ones do.

    Returns:
        float32 [new items, known items]. Weights are proportional to the square of the similarity, and their sum is 1;
        it is 0 for an item that has nothing in common with any known one.
    """
    first = len(next(iter(known.by_source.values()))) - 1
    content = content_matrix(_joined(known, new), first)
    columns, size = content[:first].T.tocsc(), max(1, _AT_ONCE // first)
    blocks = [
        _weights((content[start : start + size] @ columns).toarray(), count)
        for start in range(first, content.shape[0], size)
    ]
    return sparse.vstack([sparse.csr_matrix((0, first), dtype=np.float32), *blocks], format="csr")


def _weights(similarities: npt.NDArray[np.float32], count: int) -> sparse.csr_matrix:
    count = min(count, similarities.shape[1])
    nearest = np.stack([_highest(row, count) for row in similarities])
    found = np.maximum(np.take_along_axis(similarities, nearest, axis=1), 0.0) ** _POWER
    found /= np.maximum(found.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rows = np.repeat(np.arange(len(found)), found.shape[1])
    weights = sparse.csr_matrix((found.ravel(), (rows, nearest.ravel())), similarities.shape, dtype=np.float32)
    weights.eliminate_zeros()
    return weights


def _highest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Return the places of the highest values, the first ones among equal values, without sorting all."""
    places = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return np.asarray(places[np.argsort(-values[places], kind="stable")[:count]])


def _multi_hot(codes: Codes | Tokens) -> sparse.csr_matrix:
    """Return which codes each item has, [items, codes], from [1 + items, any] padded with 0."""
    rows, places = np.nonzero(codes[1 + PADDING_ID :])
    columns = codes[1 + PADDING_ID :][rows, places]
    shape = (len(codes) - 1, int(codes.max(initial=0)) + 1)
    hot = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)
    hot.data[:] = 1.0  # an item that has a code twice has it
    return hot


def _weighted(hot: sparse.csr_matrix, known: int) -> sparse.csr_matrix:
    having = np.asarray(hot[:known].sum(axis=0)).ravel()
    return hot @ sparse.diags(np.log((1.0 + known) / np.maximum(having, 1.0)).astype(np.float32))


def _of_length_1(part: sparse.csr_matrix) -> sparse.csr_matrix:
    lengths = np.sqrt(np.asarray(part.multiply(part).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.maximum(lengths, 1e-12)) @ part


def _joined(known: ItemFeatures, new: ItemFeatures) -> ItemFeatures:
    """Return the content of the known items, and then that of the new ones."""
    tokens = None if known.tokens is None or new.tokens is None else _stacked(known.tokens, new.tokens)
    return ItemFeatures(
        {name: _stacked(codes, new.codes[name]) for name, codes in known.codes.items()},
        {name: _stacked(vectors, new.vectors[name]) for name, vectors in known.vectors.items()},
        tokens,
    )


def _stacked(known: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the rows of two arrays, without the padding of the second, padded with 0 to the longer rows."""
    width = max(known.shape[-1], new.shape[-1])
    found = [
        np.pad(each, [(0, 0)] * (each.ndim - 1) + [(0, width - each.shape[-1])])
        for each in (known, new[1 + PADDING_ID :])
    ]
    return np.concatenate(found)

"""Further items for a saved model: new rows in its variables and its vocabulary. Its graph stays the same."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse
from tensorflow.core.protobuf import fingerprint_pb2, trackable_object_graph_pb2

from serving.export.per_item import GrowingVariable, Growth, growing_variable

_VARIABLES = "variables/variables"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the key of the variables' names
_FINGERPRINT = "fingerprint.pb"
_TABLE: tuple[Growth, ...] = ("ends", "columns", "values")  # the parts of a sparse table, in compressed rows
_HIGHEST = 200  # values of a row's new pairs that are kept: as many as a table keeps of a row's pairs

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


class NewItems(NamedTuple):
    """Items that a saved model lacks.

    Args:
        ids: the items.
        likeness: float32 [n, known], how much each of the model's first items counts for a new one. The sum for a new
            item is 1.
        boost: what is added to the scores of new items.
        published_s: int64 [n], the times of publication, 0 if missing.
    """

    ids: list[str]
    likeness: sparse.csr_matrix
    boost: float
    published_s: npt.NDArray[np.int64]


def grow(model: str, vocabulary: str, items: NewItems) -> None:
    """Add items to a saved model in its folder, which must not be served.

    Every variable of `per_item_variable` gets a row for each item, all others stay as they are. So do the graph and the
    signatures, so that the answers for other items change only by the new candidates among them.

    A new item is the weighted mean of the items that it is like: in its vector and bias, in its popularity, and in its
    co-occurrences with all items.

    Args:
        model: the folder of the saved model.
        vocabulary: the name of the vocabulary's file in the folder `assets`.
        items: the items.

    Raises:
        ValueError: no variable of the model can grow.
    """
    prefix, names = f"{model}/{_VARIABLES}", f"{model}/assets/{vocabulary}"
    checkpoint = tf.train.load_checkpoint(prefix)
    tensors = {key: checkpoint.get_tensor(key) for key in checkpoint.get_variable_to_shape_map()}
    growing = _growing_variables(tensors[_OBJECT_GRAPH])
    if not growing:
        raise ValueError(f"no variable of {model} has a row for each item")
    with tf.io.gfile.GFile(names) as file:
        count = sum(1 for _ in file)
    for table in {name for growth, name in growing.values() if growth in _TABLE}:
        keys = [next(key for key, each in growing.items() if each == (part, table)) for part in _TABLE]
        tensors |= dict(zip(keys, grown_table([tensors[key] for key in keys], count, items.likeness), strict=True))
    for key, (growth, _) in growing.items():
        if growth not in _TABLE:
            rows = new_rows(tensors[key], growth, count, items)
            tensors[key] = np.concatenate([tensors[key], rows.astype(tensors[key].dtype)])
    for each in tf.io.gfile.glob(f"{prefix}.*"):
        tf.io.gfile.remove(each)
    keys = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=keys, shape_and_slices=[""] * len(keys), tensors=[tensors[key] for key in keys]
    )
    with tf.io.gfile.GFile(names, "a") as file:
        file.write("".join(f"{item}\n" for item in items.ids))
    _renew_fingerprint(model)


def new_rows(values: Array, growth: Growth, count: int, items: NewItems) -> Array:
    """Return the rows of new items in a variable.

    Args:
        values: its rows, those of the `count` items last.
        growth: the kind of the rows.
        count: the number of the model's items.
        items: the new items.

    Returns:
        [new items, ...].
    """
    new = len(items.ids)
    if growth == "published":
        return items.published_s
    if growth == "zeros":
        return np.zeros((new, *values.shape[1:]))
    if growth == "boost":
        return np.full(new, items.boost)
    known = values[len(values) - count :][: items.likeness.shape[1]]
    if growth == "nearest":
        return np.asarray(known[np.asarray(items.likeness.argmax(axis=1)).ravel()])
    means = (items.likeness @ known.reshape(len(known), -1)).reshape(new, *known.shape[1:])
    if growth == "boosted_mean":
        means[..., -1] += items.boost
    return np.asarray(means)


def grown_table(parts: list[Array], count: int, likeness: sparse.csr_matrix) -> list[Array]:
    """Return a sparse table of pairs of items with new items in its rows and columns.

    Let P be the table, and L the likeness of the new items. With L over the identity as M, the result is M P M^T, of
    whose new pairs each row keeps the highest.

    Args:
        parts: `ends` int64 [2 + items], `columns` and `values` [pairs]. Row and column 0 belong to padding.
        count: the number of the model's items.
        likeness: as in `NewItems`.

    Returns:
        The parts of the result, of the same types.

    Example:
        >>> parts = [np.array([0, 0, 1, 1]), np.array([2]), np.array([4.0])]  # after item 1, item 2 came 4 times
        >>> [ends, columns, values] = grown_table(parts, 2, sparse.csr_matrix([[0.0, 1.0]]))  # item 3 is like item 2
        >>> ends.tolist(), columns.tolist(), values.tolist()
        ([0, 0, 2, 2, 2], [2, 3], [4.0, 4.0])
    """
    ends, columns, values = parts
    pairs = sparse.csr_matrix((values, columns, ends), (1 + count, 1 + count))
    new = likeness.shape[0]
    after = count - likeness.shape[1]  # items that were added before
    like = sparse.hstack([sparse.csr_matrix((new, 1)), likeness, sparse.csr_matrix((new, after))], format="csr")
    rows = sparse.vstack([pairs, _highest(like @ pairs)], format="csr")
    grown = sparse.hstack([rows, _highest(rows @ like.T)], format="csr")
    return [grown.indptr.astype(ends.dtype), grown.indices.astype(columns.dtype), grown.data.astype(values.dtype)]


def _highest(pairs: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return a matrix with the highest values of each row only, of equal ones those of the first columns."""
    entries = pairs.tocoo()
    order = np.lexsort((entries.col, -entries.data, entries.row))
    rows = entries.row[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=pairs.shape[0]))])
    kept = order[np.arange(len(rows)) - starts[rows] < _HIGHEST]
    return sparse.csr_matrix((entries.data[kept], (entries.row[kept], entries.col[kept])), pairs.shape)


def _growing_variables(object_graph: Any) -> dict[str, GrowingVariable]:
    """Return each variable with a row for each item, by its key in the checkpoint."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(object_graph)
    found = {
        attribute.checkpoint_key: growing_variable(attribute.full_name)
        for node in graph.nodes
        for attribute in node.attributes
    }
    return {key: growing for key, growing in found.items() if growing is not None}


def _renew_fingerprint(model: str) -> None:
    """Change the fingerprint, which is that of the variables among others."""
    path = f"{model}/{_FINGERPRINT}"
    with tf.io.gfile.GFile(path, "rb") as file:
        fingerprint = fingerprint_pb2.FingerprintDef.FromString(file.read())
    with tf.io.gfile.GFile(f"{model}/{_VARIABLES}.index", "rb") as file:
        digest = hashlib.sha256(file.read()).digest()
    fingerprint.checkpoint_hash = int.from_bytes(digest[:8], "big")
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(fingerprint.SerializeToString())

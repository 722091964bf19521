"""Further items for a saved model: new rows in its variables and its vocabulary. Its graph stays the same."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2, trackable_object_graph_pb2

from serving.export.per_item import Growth, growth_of

_VARIABLES = "variables/variables"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the key of the variables' names
_FINGERPRINT = "fingerprint.pb"

Floats = npt.NDArray[np.float32]


class NewItems(NamedTuple):
    """Items that a saved model lacks.

    Args:
        ids: the items.
        vectors: float32 [n, dim].
        biases: float32 [n].
        published_s: int64 [n], the times of publication, 0 if missing.
    """

    ids: list[str]
    vectors: Floats
    biases: Floats
    published_s: npt.NDArray[np.int64]


def grow(model: str, vocabulary: str, items: NewItems) -> None:
    """Add items to a saved model in its folder, which must not be served.

    Every variable of `per_item_variable` gets a row for each item, all others stay as they are. So do the graph and the
    signatures, so that the answers for other items change only by the new candidates among them.

    Args:
        model: the folder of the saved model.
        vocabulary: the name of the vocabulary's file in the folder `assets`.
        items: the items.

    Raises:
        ValueError: no variable of the model can grow.
    """
    prefix = f"{model}/{_VARIABLES}"
    checkpoint = tf.train.load_checkpoint(prefix)
    tensors = {key: checkpoint.get_tensor(key) for key in checkpoint.get_variable_to_shape_map()}
    growths = _growths(tensors[_OBJECT_GRAPH])
    if not growths:
        raise ValueError(f"no variable of {model} has a row for each item")
    for key, growth in growths.items():
        rows = _new_rows(tensors[key], growth, items)
        tensors[key] = np.concatenate([tensors[key], rows.astype(tensors[key].dtype)])
    for file in tf.io.gfile.glob(f"{prefix}.*"):
        tf.io.gfile.remove(file)
    keys = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=keys, shape_and_slices=[""] * len(keys), tensors=[tensors[key] for key in keys]
    )
    with tf.io.gfile.GFile(f"{model}/assets/{vocabulary}", "a") as file:
        file.write("".join(f"{item}\n" for item in items.ids))
    _renew_fingerprint(model)


def _growths(object_graph: Any) -> dict[str, Growth]:
    """Return the growth of each variable with a row for each item, by its key in the checkpoint."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(object_graph)
    found = {
        attribute.checkpoint_key: growth_of(attribute.full_name)
        for node in graph.nodes
        for attribute in node.attributes
    }
    return {key: growth for key, growth in found.items() if growth is not None}


def _new_rows(values: npt.NDArray[Any], growth: Growth, items: NewItems) -> npt.NDArray[Any]:
    count = len(items.ids)
    if growth == "vector":
        return items.vectors
    if growth == "bias":
        return items.biases
    if growth == "candidate":
        return np.concatenate([items.vectors, items.biases[:, np.newaxis]], axis=1)
    if growth == "published":
        return items.published_s
    row = {"zeros": np.zeros_like(values[:1]), "first": values[:1], "last": values[-1:]}[growth]
    return np.repeat(row, count, axis=0)


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

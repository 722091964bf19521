"""The requests that TensorFlow Serving logs, as the histories in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from schemas.features import ITEM_IDS, TIMESTAMPS_S

SIGNATURE = "recommend"


class LoggedHistory(NamedTuple):
    """A history in a request. The lists of `further` are as long as that of the items.

    Args:
        item_ids: oldest first, never empty.
        timestamps_s: Unix seconds, or None if the request has no times.
        further: the further columns by name.
    """

    item_ids: list[bytes]
    timestamps_s: list[int] | None
    further: Mapping[str, list[Any]]


def read_histories(record: bytes) -> Iterator[LoggedHistory]:
    """Yield the histories of a logged request. Other signatures than `recommend` have none.

    Args:
        record: a serialized `PredictionLog`.

    Yields:
        The histories that are not empty, without padding, in order of time.

    Raises:
        ValueError: the record is not a `PredictionLog`, or its inputs are not those of the signature.
    """
    try:
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
    except DecodeError as error:
        raise ValueError(str(error)) from None
    if request.model_spec.signature_name != SIGNATURE or ITEM_IDS not in request.inputs:
        return
    inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
    items = inputs.pop(ITEM_IDS)
    if items.ndim != 2 or items.dtype != object:
        raise ValueError(f"{ITEM_IDS} is not a matrix of strings")
    of_items = {name: values for name, values in inputs.items() if values.shape == items.shape and name != "exclude"}
    for row, ids in enumerate(items):
        present = np.flatnonzero(ids != b"")
        if TIMESTAMPS_S in of_items:
            present = present[np.argsort(of_items[TIMESTAMPS_S][row][present], kind="stable")]
        if len(present):
            further = {name: values[row][present].tolist() for name, values in of_items.items()}
            yield LoggedHistory(ids[present].tolist(), further.pop(TIMESTAMPS_S, None), further)

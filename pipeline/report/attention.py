"""The attention of the exported model over histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from schemas.features import ITEM_IDS, QUERY_TIMESTAMPS_S, TARGET_TIMESTAMP_S


def attention(model: Any, examples: Sequence[bytes]) -> list[list[float]]:
    """Return the attention of the network to each position of the examples' histories.

    Args:
        model: the exported model.
        examples: serialized examples with the features of `schemas.features`.

    Returns:
        The weights of each example, [length]. They add up to 1, or to 0 if the network has no attention.
    """
    parsed = [tf.train.Example.FromString(example).features.feature for example in examples]
    explain = model.signatures["explain"]
    lengths = [len(features[ITEM_IDS].bytes_list.value) for features in parsed]
    inputs = {
        name: _input(name, spec, parsed, max(lengths)) for name, spec in explain.structured_input_signature[1].items()
    }
    weights = explain(**inputs)["attention"].numpy()
    return [row[:length].tolist() for row, length in zip(weights, lengths, strict=True)]


def _input(name: str, spec: tf.TensorSpec, parsed: Sequence[Any], width: int) -> tf.Tensor:
    if name == QUERY_TIMESTAMPS_S:
        return tf.constant([features[TARGET_TIMESTAMP_S].int64_list.value[0] for features in parsed], spec.dtype)
    none, kind = {
        tf.string: (b"", "bytes_list"),
        tf.int64: (0, "int64_list"),
        tf.float32: (float("nan"), "float_list"),
    }[spec.dtype]
    rows = [list(getattr(features[name], kind).value) for features in parsed]
    return tf.constant([row + [none] * (width - len(row)) for row in rows], spec.dtype)

"""Adaptor: what explanations ask the exported model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.explanations.leave_one_out import Mask
from schemas.errors import InputError
from schemas.features import ITEM_IDS, QUERY_TIMESTAMPS_S, TARGET_TIMESTAMP_S
from trainer.metrics.lists import Floats

_HISTORIES_AT_ONCE = 32  # the model holds the scores of the whole catalogue for each
_CANDIDATES = "candidate_ids"
_SCORES = {"retrieval": "retrieval_scores", "ranking": "scores"}  # outputs of the signature `score` by stage


def attention(model: Any, examples: Sequence[bytes]) -> list[list[float]]:
    """Return the attention of the network to each position of the examples' histories.

    Args:
        model: the exported model.
        examples: serialized examples with the features of `schemas.features`.

    Returns:
        The weights of each example, [length]. They add up to 1, or to 0 if the network has no attention.
    """
    found = []
    for start in range(0, len(examples), _HISTORIES_AT_ONCE):
        inputs, lengths = _request(model, "explain", examples[start : start + _HISTORIES_AT_ONCE])
        weights = model.signatures["explain"](**inputs)["attention"].numpy()
        found += [row[:length].tolist() for row, length in zip(weights, lengths, strict=True)]
    return found


def scores_of_parts(model: Any, stage: str, example: bytes, kept: Mask, candidates: Sequence[str]) -> Floats:
    """Return the scores of candidates after parts of a history.

    Args:
        model: the exported model.
        stage: the stage whose ranking is served, `retrieval` or `ranking`.
        example: a serialized example with the history.
        kept: the positions that each part keeps, bool [parts, length]. At least one in each part.
        candidates: item ids.

    Returns:
        [parts, candidates]. A removed interaction has no item, so the model ignores it with its time and its columns.

    Raises:
        InputError: an earlier version of temporec exported the model.
    """
    score, output = model.signatures["score"], _SCORES[stage]
    if output not in score.structured_outputs:
        raise InputError(
            expected=f"a model whose signature `score` returns {output}",
            received=f"a model that returns {', '.join(sorted(score.structured_outputs))}",
            remedy="run the pipeline again with this version of temporec",
        )
    whole, _ = _request(model, "score", [example])
    found = []
    for start in range(0, len(kept), _HISTORIES_AT_ONCE):
        part = kept[start : start + _HISTORIES_AT_ONCE]
        inputs = {name: tf.repeat(values, len(part), axis=0) for name, values in whole.items()}
        inputs[ITEM_IDS] = tf.where(part, inputs[ITEM_IDS], "")
        found.append(score(**inputs, candidate_ids=tf.constant([list(candidates)], tf.string))[output].numpy())
    return np.concatenate(found).astype(np.float64)


def _request(model: Any, signature: str, examples: Sequence[bytes]) -> tuple[dict[str, tf.Tensor], list[int]]:
    """Return the inputs of a signature for the histories of examples, and the lengths of the histories."""
    parsed = [tf.train.Example.FromString(example).features.feature for example in examples]
    lengths = [len(features[ITEM_IDS].bytes_list.value) for features in parsed]
    specs = model.signatures[signature].structured_input_signature[1]
    inputs = {name: _input(name, spec, parsed, max(lengths)) for name, spec in specs.items() if name != _CANDIDATES}
    return inputs, lengths


def _input(name: str, spec: tf.TensorSpec, parsed: Sequence[Mapping[str, Any]], width: int) -> tf.Tensor:
    if name == QUERY_TIMESTAMPS_S:
        return tf.constant([features[TARGET_TIMESTAMP_S].int64_list.value[0] for features in parsed], spec.dtype)
    none, kind = {
        tf.string: (b"", "bytes_list"),
        tf.int64: (0, "int64_list"),
        tf.float32: (float("nan"), "float_list"),
    }[spec.dtype]
    rows = [list(getattr(features[name], kind).value) for features in parsed]
    return tf.constant([row + [none] * (width - len(row)) for row in rows], spec.dtype)

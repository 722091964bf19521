"""A description of a saved model, in a file next to it that TensorFlow Serving ignores."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import tensorflow as tf

from schemas.config import TrainerConfig
from schemas.errors import InputError

_FOLDER, _FILE = "assets.extra", "about.json"


@dataclass(frozen=True)
class ModelInfo:
    """The result of a training."""

    served: str  # the stage whose ranking is served: `retrieval`, or `ranking` for the re-ranked candidates
    validation: dict[str, dict[str, float]]  # metrics by stage; those of `ranking` are cross-validated
    exported: dict[str, float]  # metrics of the served stage, with the exported weights
    parameters: int  # the number of trained weights
    score_weights: dict[str, float]  # the weight of each score in the ranking score
    network_gain: dict[str, float]  # NDCG@10 that a network adds to the weighted scores, used if `low` is above 0
    dropout: dict[str, float]  # the rates of the training, those that it chose among them
    tasks: dict[str, Any] = field(default_factory=dict)  # the metrics of further tasks on held-out data, by their kind
    shown_items: dict[str, Any] = field(default_factory=dict)  # what was learnt from impressions; empty without them


@dataclass(frozen=True)
class InputContract:
    """The inputs that a model needs, and how it uses them, regardless of the caller's configuration."""

    reads: tuple[str, ...]  # as in `ModelConfig.reads`
    columns: dict[str, str]  # the interactions' columns among them with their kinds, which a log must have
    max_length: int  # interactions of a history
    remove_seen: bool  # whether items of the history are excluded
    expire_after_s: int | None = None  # seconds from the publication of an item until it is excluded


def input_contract(training: TrainerConfig) -> InputContract:
    """Return the contract of a model.

    Args:
        training: the configuration that the model is trained with.
    """
    reads, features = training.model.reads, training.features
    return InputContract(
        reads=reads,
        columns={each.name: each.kind for each in features if each.of == "interaction" and each.name in reads},
        max_length=training.history.max_length,
        remove_seen=training.serving.remove_seen,
        expire_after_s=training.serving.expire_after_s,
    )


def write_model_info(model: str, info: ModelInfo, contract: InputContract) -> None:
    """Write a description into the folder of a saved model.

    Args:
        model: the folder.
        info: the result of its training.
        contract: the inputs that it needs.
    """
    tf.io.gfile.makedirs(f"{model}/{_FOLDER}")
    with tf.io.gfile.GFile(f"{model}/{_FOLDER}/{_FILE}", "w") as file:
        file.write(json.dumps({**asdict(info), **asdict(contract)}, indent=2) + "\n")


def copy_model_info(source: str, target: str, **further: Any) -> None:
    """Copy the description of a saved model to another one.

    Args:
        source: the folder of the model with the description.
        target: the folder of the other model.
        **further: fields to add, as JSON can hold them.
    """
    info = {**read_model_info(source), **further}
    tf.io.gfile.makedirs(f"{target}/{_FOLDER}")
    with tf.io.gfile.GFile(f"{target}/{_FOLDER}/{_FILE}", "w") as file:
        file.write(json.dumps(info, indent=2) + "\n")


def read_model_info(model: str) -> dict[str, Any]:
    """Read what `write_model_info` wrote.

    Args:
        model: the folder of a saved model.

    Returns:
        The fields of `ModelInfo` and `InputContract`, by name.

    Raises:
        InputError: the file is missing, or a field is missing in it.
    """
    path = f"{model}/{_FOLDER}/{_FILE}"
    try:
        with tf.io.gfile.GFile(path) as file:
            found = dict(json.loads(file.read()))
    except (tf.errors.NotFoundError, ValueError):
        found = {}
    if missing := [each.name for kind in (ModelInfo, InputContract) for each in fields(kind) if each.name not in found]:
        raise InputError(
            expected=f"a model with a description in its file {_FOLDER}/{_FILE}",
            received=f"a model without {', '.join(missing)}",
            remedy="use a model that this version of temporec trained",
        )
    return found

"""What a saved model says of itself, in a file that TensorFlow Serving leaves alone: which order it serves, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

import tensorflow as tf

from schemas.config import TrainerConfig
from schemas.errors import InputError

_FOLDER, _FILE = "assets.extra", "about.json"


@dataclass(frozen=True)
class ModelInfo:
    """What is to be told of a model once it is trained."""

    served: str  # the order: retrieval or ranking
    validation: dict[str, dict[str, float]]  # metrics of both orders, ranking's by weights that did not see the user
    exported: dict[str, float]  # of the served order, by the weights that are exported
    parameters: int  # that were learnt
    score_weights: dict[str, float]  # how much each score counts in the ranking order


@dataclass(frozen=True)
class InputContract:
    """How a model recommends, whatever the configuration of who asks it says."""

    reads: tuple[str, ...]  # as `schemas.config.Model.reads` has it
    columns: dict[str, str]  # those of interactions among them, with their kinds: what a log must tell
    max_length: int  # interactions of a history
    remove_seen: bool  # whether items of the history are left out


def input_contract(training: TrainerConfig) -> InputContract:
    """Those of a model that is trained so."""
    reads, features = training.model.reads, training.features
    return InputContract(
        reads=reads,
        columns={each.name: each.kind for each in features if each.of == "interaction" and each.name in reads},
        max_length=training.history.max_length,
        remove_seen=training.serving.remove_seen,
    )


def write_model_info(model: str, about: ModelInfo, how: InputContract) -> None:
    """Writes into the folder of a saved model."""
    tf.io.gfile.makedirs(f"{model}/{_FOLDER}")
    with tf.io.gfile.GFile(f"{model}/{_FOLDER}/{_FILE}", "w") as file:
        file.write(json.dumps({**asdict(about), **asdict(how)}, indent=2) + "\n")


def read_model_info(model: str) -> dict[str, Any]:
    """Reads what `write_model_info` wrote, the fields of both by name.

    Raises:
        InputError: there is no such file, or one that lacks a field.
    """
    path = f"{model}/{_FOLDER}/{_FILE}"
    try:
        with tf.io.gfile.GFile(path) as file:
            told = dict(json.loads(file.read()))
    except (tf.errors.NotFoundError, ValueError):
        told = {}
    if missing := [
        field.name for kind in (ModelInfo, InputContract) for field in fields(kind) if field.name not in told
    ]:
        raise InputError(
            expected=f"a model that says of itself in {path} how it recommends",
            received=f"nothing there on {', '.join(missing)}",
            remedy="give one that this version of temporec trained",
        )
    return told

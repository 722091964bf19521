"""What a saved model says of itself: which order it serves, and why. TensorFlow Serving leaves the file alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import tensorflow as tf

_FOLDER, _FILE = "assets.extra", "about.json"


@dataclass(frozen=True)
class About:
    """What is to be told of a model once it is trained."""

    served: str  # the order: retrieval or ranking
    validation: dict[str, dict[str, float]]  # metrics of both orders
    parameters: int  # that were learnt
    score_weights: dict[str, float]  # how much each score counts in the ranking order


def write_about(model: str, about: About) -> None:
    """Writes into the folder of a saved model."""
    tf.io.gfile.makedirs(f"{model}/{_FOLDER}")
    with tf.io.gfile.GFile(f"{model}/{_FOLDER}/{_FILE}", "w") as file:
        file.write(json.dumps(asdict(about), indent=2) + "\n")


def read_about(model: str) -> dict[str, Any]:
    """Reads what `write_about` wrote."""
    with tf.io.gfile.GFile(f"{model}/{_FOLDER}/{_FILE}") as file:
        return dict(json.loads(file.read()))

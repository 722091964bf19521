"""What a saved model says of itself: which order it serves, and why. TensorFlow Serving leaves the file alone."""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf

_FOLDER, _FILE = "assets.extra", "about.json"


def write_about(model: str, about: dict[str, Any]) -> None:
    """Writes into the folder of a saved model."""
    tf.io.gfile.makedirs(f"{model}/{_FOLDER}")
    with tf.io.gfile.GFile(f"{model}/{_FOLDER}/{_FILE}", "w") as file:
        file.write(json.dumps(about, indent=2) + "\n")


def read_about(model: str) -> dict[str, Any]:
    """Reads what `write_about` wrote."""
    with tf.io.gfile.GFile(f"{model}/{_FOLDER}/{_FILE}") as file:
        return dict(json.loads(file.read()))

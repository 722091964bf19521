"""A verdict as TFX's blessing."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf
from tfx.components.evaluator import constants
from tfx.types import Artifact

from components.gate.verdict import GateVerdict, write_verdict


def write_blessing(blessing: Any, verdict: GateVerdict, model: Artifact) -> None:
    """Write the verdict on a model, with the file and the properties that TFX's resolvers and Pusher expect.

    Args:
        blessing: the artifact, a `ModelBlessing`.
        verdict: the checks.
        model: the model.
    """
    write_verdict(blessing.uri, verdict)
    name, value = {
        True: (constants.BLESSED_FILE_NAME, constants.BLESSED_VALUE),
        False: (constants.NOT_BLESSED_FILE_NAME, constants.NOT_BLESSED_VALUE),
    }[verdict.blessed]
    with tf.io.gfile.GFile(os.path.join(blessing.uri, name), "w") as file:
        file.write("")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)

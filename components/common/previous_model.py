"""The folder of the previous model: the Trainer's, or a copy that the resolver found."""

from __future__ import annotations

import tensorflow as tf
from tfx.types import Artifact
from tfx.utils import path_utils

from schemas.errors import InputError

_COPY = "copy"  # the custom property of a model that names the folder of a copy


def set_copy(model: Artifact, folder: str) -> None:
    """Store the folder of a copy with a model whose own folder is missing.

    Args:
        model: the artifact of the model.
        folder: the folder of the copy, a saved model.
    """
    model.set_string_custom_property(_COPY, folder)


def previous_model_folder(previous: Artifact) -> str:
    """Return the folder of the saved model: its own, or the copy if that is missing.

    Args:
        previous: the artifact of the model.

    Returns:
        The folder.

    Raises:
        InputError: neither folder exists.
    """
    folders = [path_utils.serving_model_path(previous.uri), previous.get_string_custom_property(_COPY)]
    for folder in folders:
        if folder and tf.io.gfile.isdir(folder):
            return folder
    raise missing_previous_model(folders[0])


def missing_previous_model(folder: str) -> InputError:
    """Make the error for a previous model that exists nowhere.

    Args:
        folder: where it could be put back.

    Returns:
        The error.
    """
    return InputError(
        expected=f"the previous model, which the new one is compared with: {folder}",
        received="no such folder, and no copy of it",
        remedy="put it back, or give another --root",
    )

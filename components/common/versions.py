"""The pushed versions of a model, below the base path that TensorFlow Serving watches."""

from __future__ import annotations

import os

import tensorflow as tf


def whole_versions(models: str) -> list[int]:
    """List the versions that a server can load.

    Args:
        models: the base path; it may not exist.

    Returns:
        The versions, newest first.
    """
    if not tf.io.gfile.isdir(models):
        return []
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(models)]
    versions = sorted((int(name) for name in names if name.isdecimal()), reverse=True)
    return [each for each in versions if tf.io.gfile.exists(os.path.join(models, str(each), "saved_model.pb"))]


def same_fingerprint(*models: str) -> bool:
    """Return whether saved models are copies of each other: TensorFlow gives each export a fingerprint.

    Args:
        models: the folders of the saved models.

    Returns:
        False also if one has no fingerprint.
    """
    paths = [os.path.join(model, "fingerprint.pb") for model in models]
    if not all(map(tf.io.gfile.exists, paths)):
        return False
    fingerprints = set()
    for path in paths:
        with tf.io.gfile.GFile(path, "rb") as file:
            fingerprints.add(file.read())
    return len(fingerprints) == 1

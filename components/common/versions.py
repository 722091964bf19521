"""The pushed versions of a model, below the base path that TensorFlow Serving watches."""

from __future__ import annotations

import os

from components.common.stores import is_remote, list_files, read_bytes

GRAPH = "saved_model.pb"  # without it a server does not load a version
JUDGED = "assets.extra/judged"  # in a refitted model: the saved model that the gate has judged; a server ignores it
ORIGIN = "assets.extra/origin"  # in a model with added items: the fingerprint of the model to which they were added
_FINGERPRINT = "fingerprint.pb"


def version_numbers(models: str) -> list[int]:
    """List the versions, also those that are not whole.

    Args:
        models: the base path, on any file system that Beam knows; it may not exist.

    Returns:
        The versions, newest first.
    """
    if is_remote(models):  # an object store has no folders, only names of files with a "/"
        names = {file.removeprefix(f"{models}/").split("/")[0] for file in list_files(f"{models}/**")}
    else:
        names = {*os.listdir(models)} if os.path.isdir(models) else set()
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def whole_versions(models: str) -> list[int]:
    """List the versions that a server can load.

    Args:
        models: the base path, on any file system that Beam knows; it may not exist.

    Returns:
        The versions, newest first.
    """
    names = [os.path.basename(os.path.dirname(file)) for file in list_files(f"{models}/*/{GRAPH}")]
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def same_fingerprint(*models: str) -> bool:
    """Return whether saved models are copies of each other: TensorFlow gives each export a fingerprint.

    A model with added items counts as a copy of the model that lacks them. So a run whose model is served already
    leaves them there, and no model is compared with itself.

    Args:
        models: the folders of the saved models.

    Returns:
        False also if one has no fingerprint.
    """
    fingerprints = {read_fingerprint(model) for model in models}
    return len(fingerprints) == 1 and None not in fingerprints


def read_fingerprint(model: str) -> bytes | None:
    """Return the fingerprint of a saved model, or of the model to which its items were added; None without one.

    Args:
        model: the folder of the saved model.
    """
    return read_bytes(f"{model}/{ORIGIN}") or read_bytes(f"{model}/{_FINGERPRINT}")


def judged_model(model: str) -> str:
    """Return the model to measure in place of a pushed one.

    A refitted model has seen the test split, so its metrics there would be too high. The judged model has not.

    Args:
        model: the folder of a saved model.

    Returns:
        The folder of the judged model inside it; the folder itself if it is not refitted.
    """
    judged = f"{model}/{JUDGED}"
    return model if read_bytes(f"{judged}/{_FINGERPRINT}") is None else judged

"""The place of this process among the workers of a training."""

from __future__ import annotations

import json
import os

from schemas.errors import InputError


def is_chief() -> bool:
    """Return whether this process writes the files for all workers.

    TF_CONFIG names it: the task `chief`, or the first worker if there is no chief. A process without
    TF_CONFIG is alone. This is TensorFlow's rule: https://www.tensorflow.org/guide/distributed_training.

    Raises:
        InputError: TF_CONFIG does not describe a cluster and a task.

    Example:
        >>> "TF_CONFIG" in os.environ, is_chief()
        (False, True)
    """
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        found = json.loads(text)
        cluster, task = found.get("cluster"), found.get("task", {})
        chief = ("chief" if "chief" in (cluster or {}) else "worker", 0)
        return not cluster or (task.get("type"), int(task.get("index", 0))) == chief
    except (ValueError, TypeError, AttributeError):
        raise InputError(
            expected='a TF_CONFIG like {"cluster": {"worker": ["a:2222"]}, "task": {"type": "worker", "index": 0}}',
            received=text,
            remedy="correct this environment variable, or remove it for a training in one process",
        ) from None

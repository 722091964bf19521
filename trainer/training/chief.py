"""The place of this process among the workers of a training."""

from __future__ import annotations

import json
import os


def is_chief() -> bool:
    """Return whether this process writes the files for all workers.

    TF_CONFIG names it: the task `chief`, or the first worker if there is no chief. A process without
    TF_CONFIG is alone. This is TensorFlow's rule: https://www.tensorflow.org/guide/distributed_training.

    Example:
        >>> "TF_CONFIG" in os.environ, is_chief()
        (False, True)
    """
    found = json.loads(os.environ.get("TF_CONFIG") or "{}")
    cluster, task = found.get("cluster"), found.get("task", {})
    chief = ("chief" if "chief" in (cluster or {}) else "worker", 0)
    return not cluster or (task.get("type"), int(task.get("index", 0))) == chief

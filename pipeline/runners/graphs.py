"""The graphs of a pipeline specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def graphs(specification: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tasks of the root by name, and those of each component that contains tasks.

    Args:
        specification: the pipeline specification.
    """
    yield specification["root"]["dag"]["tasks"]
    yield from (each["dag"]["tasks"] for each in specification["components"].values() if "dag" in each)


def container_tasks(specification: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the name of each task that runs a container, the task, and the label of its executor.

    Args:
        specification: the pipeline specification.
    """
    for tasks in graphs(specification):
        for name, task in tasks.items():
            label = specification["components"][task["componentRef"]["name"]].get("executorLabel")
            if label:
                yield name, task, label

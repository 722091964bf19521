"""Waiting for the end of a run on the cluster."""

from __future__ import annotations

import time

from rich.console import Console

from pipeline.cluster.clusters import Cluster, NoAnswer, RunState, SubmittedRun
from schemas.errors import ComponentFailed

EVERY_S = 10.0  # the time between two questions
_PATIENCE_S = 600.0  # a server may be restarted while a run goes on


def follow(cluster: Cluster, run: SubmittedRun, tasks: list[str], console: Console) -> None:
    """Wait for the end of a run, and print the state of a task when it changes.

    Args:
        cluster: the orchestrator.
        run: the run.
        tasks: the names of the pipeline's tasks.
        console: where to print.

    Raises:
        ComponentFailed: the run failed or was ended. The message has the tasks that failed, and the last lines of
            their logs.
        NoAnswer: the server has not answered for ten minutes.
    """
    shown: dict[str, str] = {}
    answered = time.monotonic()
    while True:
        try:
            state = cluster.state(run.id, tasks)
            answered = time.monotonic()
        except NoAnswer:
            if time.monotonic() - answered > _PATIENCE_S:
                raise
            time.sleep(EVERY_S)
            continue
        for task, name in state.tasks.items():
            if shown.get(task) != name:
                console.print(f"{task}: {name}", highlight=False, markup=False)
                shown[task] = name
        if state.ended:
            break
        time.sleep(EVERY_S)
    if not state.succeeded:
        raise ComponentFailed(_failed(cluster, run, tasks, state))
    console.print(f"The run ended: {state.name}", highlight=False, markup=False)


def _failed(cluster: Cluster, run: SubmittedRun, tasks: list[str], state: RunState) -> str:
    failures = cluster.failures(run.id, tasks)
    parts = [f"{each.task} failed. It ended with:\n{each.log}" for each in failures]
    return "\n".join([f"the run on the cluster ended: {state.name}", *parts, f"details:  {run.link}"])

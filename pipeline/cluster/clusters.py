"""What the commands need from an orchestrator, and the errors of its server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pipeline.cluster.pipeline_file import CompiledPipeline, Parameters
from schemas.errors import ComponentFailed, InputError

HEALTH_S, ANSWER_S = 10.0, 30.0  # the longest waits for an answer of a server


@dataclass(frozen=True)
class SubmittedRun:
    """A run on the cluster.

    Args:
        id: its identifier.
        link: the page that shows it.
    """

    id: str
    link: str


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Args:
        name: the state in the orchestrator's words, like RUNNING.
        ended: whether the run has ended.
        succeeded: whether it has ended without a failure.
        tasks: the state of each task that has begun.
    """

    name: str
    ended: bool = False
    succeeded: bool = False
    tasks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskFailure:
    """The failure of a task.

    Args:
        task: its name.
        log: the last lines of its log, or why they cannot be read.
    """

    task: str
    log: str


@dataclass(frozen=True)
class Schedule:
    """A schedule on the cluster.

    Args:
        id: its identifier.
        name: its name.
        cron: its cron line, as the orchestrator has it.
        state: whether it starts runs, in the orchestrator's words.
        max_concurrency: the greatest number of runs at the same time.
    """

    id: str
    name: str
    cron: str
    state: str
    max_concurrency: int


@dataclass(frozen=True)
class ScheduleSettings:
    """The settings of a new schedule.

    Args:
        name: its name.
        cron: a checked cron line with six fields.
        time_zone: a name of the IANA database, or None.
        max_concurrency: the greatest number of runs at the same time.
    """

    name: str
    cron: str
    time_zone: str | None
    max_concurrency: int


class Cluster(Protocol):
    """An orchestrator with a login."""

    def submit(self, pipeline: CompiledPipeline, name: str, parameters: Parameters) -> SubmittedRun:
        """Start a run of a pipeline."""

    def state(self, run_id: str, tasks: list[str]) -> RunState:
        """Return the state of a run, and of those of its tasks that are named."""

    def failures(self, run_id: str, tasks: list[str]) -> list[TaskFailure]:
        """Return the failed tasks of a run, each with the end of its log."""

    def create_schedule(self, pipeline: CompiledPipeline, settings: ScheduleSettings, parameters: Parameters) -> str:
        """Create a schedule, and return its identifier."""

    def schedules(self) -> list[Schedule]:
        """Return all schedules."""

    def pause(self, schedule_id: str) -> None:
        """Let a schedule start no more runs."""

    def resume(self, schedule_id: str) -> None:
        """Let a schedule start runs again, without those that it missed."""

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its runs stay."""

    def run_now(self, schedule_id: str) -> SubmittedRun:
        """Start a run of a schedule's pipeline with its parameters."""


class NoAnswer(InputError):
    """A server that does not answer, at the moment or at all."""


def no_answer(server: str, reason: str) -> NoAnswer:
    """Return the error of a server that does not answer.

    Args:
        server: the server and its address.
        reason: what happened instead.
    """
    return NoAnswer(
        expected=f"an answer of {server}",
        received=reason,
        remedy="check the address and the network; a port-forward or a VPN may have ended",
    )


def no_login(server: str, login: str, reason: str) -> InputError:
    """Return the error of a login that is missing or has expired.

    Args:
        server: the server and its address.
        login: how to log in, as an imperative.
        reason: what happened instead.
    """
    return InputError(expected=f"a login that {server} accepts", received=reason, remedy=login)


def refusal(server: str, login: str, status: int, reason: str) -> InputError | ComponentFailed:
    """Return the error of a server that refuses a request.

    Args:
        server: the server and its address.
        login: how to log in, as an imperative.
        status: the HTTP status of the answer.
        reason: the message of the answer.
    """
    received = f"{status}: {reason}"
    if status in (502, 503, 504):
        return no_answer(server, received)
    if status not in range(400, 500):
        return ComponentFailed(f"{server} failed: {received}")
    if status == 401:
        return no_login(server, login, received)
    expected, remedy = {
        403: (f"the permission for this at {server}", f"ask for this permission, or use another account: {login}"),
        404: (
            f"this schedule, run or project at {server}",
            "check the id with `temporec schedule list`, and the address of the server",
        ),
        429: (
            f"a request within the quota of {server}",
            "wait until other runs have ended, or ask for more quota",
        ),
    }.get(
        status,
        (f"a request that {server} takes", "correct what the message names, and compile the pipeline again"),
    )
    return InputError(expected=expected, received=received, remedy=remedy)

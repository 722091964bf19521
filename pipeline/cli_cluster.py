"""The commands for a cluster: submit and schedule."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console

from schemas.errors import InputError

if TYPE_CHECKING:
    from pipeline.cluster.clusters import Cluster


class Target(str, Enum):
    """The orchestrator of a compiled pipeline."""

    kubeflow = "kubeflow"
    vertex = "vertex"


schedule_app = typer.Typer(no_args_is_help=True, help="Run a compiled pipeline again and again on a cluster.")

PipelineArgument = Annotated[Path, typer.Argument(help="File of `temporec compile`.")]
TargetOption = Annotated[Target, typer.Option(help="Orchestrator of the compiled pipeline.")]
HostOption = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it on Python 3.10
    typer.Option(help="Address of Kubeflow Pipelines, or HOST:PORT of a private endpoint of Vertex AI."),
]
NamespaceOption = Annotated[Optional[str], typer.Option(help="Kubeflow: namespace of your profile.")]  # noqa: UP045
ExperimentOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Kubeflow: experiment for the runs. Default: the pipeline's name."),
]
ProjectOption = Annotated[Optional[str], typer.Option(help="Vertex AI: Google Cloud project.")]  # noqa: UP045
RegionOption = Annotated[Optional[str], typer.Option(help="Vertex AI: region, like europe-west4.")]  # noqa: UP045
AccountOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Service account of the tasks."),
]
NameOption = Annotated[Optional[str], typer.Option(help="Name to show. Default: the pipeline's name.")]  # noqa: UP045
ParameterOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set-parameter", metavar="NAME=VALUE", help="Set a parameter of the pipeline; repeatable."),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Repeat every task.")]
ScheduleArgument = Annotated[str, typer.Argument(help="Id of the schedule; see `temporec schedule list`.")]


def submit(
    pipeline: PipelineArgument,
    target: TargetOption,
    host: HostOption = None,
    namespace: NamespaceOption = None,
    experiment: ExperimentOption = None,
    project: ProjectOption = None,
    region: RegionOption = None,
    service_account: AccountOption = None,
    name: NameOption = None,
    parameters: ParameterOption = None,
    no_cache: NoCacheOption = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run; a failure ends with exit code 1.")] = False,
) -> None:
    """Run a compiled pipeline once on Kubeflow Pipelines or Vertex AI."""
    from pipeline.cluster.follow import follow
    from pipeline.cluster.pipeline_file import read_run

    compiled, values = read_run(pipeline, target.value, parameters or ())
    cluster = _cluster(target, host, namespace, project, region, experiment, service_account)
    run = cluster.submit(compiled.without_cache() if no_cache else compiled, name or compiled.name, values)
    console = Console()
    console.print(run.link, soft_wrap=True, highlight=False, markup=False)
    if wait:
        follow(cluster, run, compiled.tasks, console)


@schedule_app.command()
def create(
    pipeline: PipelineArgument,
    target: TargetOption,
    cron: Annotated[str, typer.Option(help="Six fields: second minute hour day month weekday, like '0 0 3 * * *'.")],
    time_zone: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Vertex AI: time zone of the cron line, like Europe/Berlin. Default: UTC."),
    ] = None,
    max_concurrency: Annotated[int, typer.Option(min=1, max=10, help="Greatest number of runs at the same time.")] = 1,
    host: HostOption = None,
    namespace: NamespaceOption = None,
    experiment: ExperimentOption = None,
    project: ProjectOption = None,
    region: RegionOption = None,
    service_account: AccountOption = None,
    name: NameOption = None,
    parameters: ParameterOption = None,
    no_cache: NoCacheOption = False,
) -> None:
    """Create a schedule and print its id; missed runs are not made up for."""
    from pipeline.cluster.clusters import ScheduleSettings
    from pipeline.cluster.cron import check_cron, check_time_zone
    from pipeline.cluster.pipeline_file import read_run

    line = check_cron(cron)
    zone = check_time_zone(time_zone) if time_zone is not None else None
    compiled, values = read_run(pipeline, target.value, parameters or ())
    cluster = _cluster(target, host, namespace, project, region, experiment, service_account)
    settings = ScheduleSettings(name or compiled.name, line, zone, max_concurrency)
    print(cluster.create_schedule(compiled.without_cache() if no_cache else compiled, settings, values))


@schedule_app.command(name="list")
def list_(
    target: TargetOption,
    host: HostOption = None,
    namespace: NamespaceOption = None,
    project: ProjectOption = None,
    region: RegionOption = None,
) -> None:
    """List the schedules with their ids, cron lines and states."""
    for each in _cluster(target, host, namespace, project, region).schedules():
        print(f"{each.id}  {each.state}  {each.cron}  at most {each.max_concurrency} at a time  {each.name}")


def _add_command(name: str, description: str, act: Callable[[Cluster, str], None]) -> None:
    """Add a command that acts on a schedule."""

    @schedule_app.command(name=name, help=description)
    def command(
        schedule: ScheduleArgument,
        target: TargetOption,
        host: HostOption = None,
        namespace: NamespaceOption = None,
        project: ProjectOption = None,
        region: RegionOption = None,
    ) -> None:
        act(_cluster(target, host, namespace, project, region), schedule)


def _run_now(cluster: Cluster, schedule: str) -> None:
    Console().print(cluster.run_now(schedule).link, soft_wrap=True, highlight=False, markup=False)


_add_command("pause", "Let a schedule start no more runs.", lambda cluster, schedule: cluster.pause(schedule))
_add_command(
    "resume",
    "Let a paused schedule start runs again, without those that it missed.",
    lambda cluster, schedule: cluster.resume(schedule),
)
_add_command("delete", "Delete a schedule; its runs stay.", lambda cluster, schedule: cluster.delete(schedule))
_add_command("run-now", "Run the pipeline of a schedule at once.", _run_now)


def _cluster(
    target: Target,
    host: str | None,
    namespace: str | None,
    project: str | None,
    region: str | None,
    experiment: str | None = None,
    service_account: str | None = None,
) -> Cluster:
    """Return the orchestrator, and refuse options that it does not read."""
    ignored = {"--namespace": namespace, "--experiment": experiment}
    needed: dict[str, str | None] = {"--project": project, "--region": region}
    if target is Target.kubeflow:
        ignored, needed = needed, {"--host": host}
    for option, value in ignored.items():
        if value is not None:
            raise InputError(
                expected=f"options of {target.value}",
                received=option,
                remedy=f"remove {option}, or change --target",
            )
    for option, value in needed.items():
        if not value:
            raise InputError(
                expected=f"{option} for {target.value}", received="none", remedy=f"add {option}; see docs/cluster.md"
            )
    if target is Target.kubeflow:
        from pipeline.cluster.kubeflow_client import KubeflowCluster

        return KubeflowCluster(host or "", namespace=namespace, experiment=experiment, service_account=service_account)
    from pipeline.cluster.vertex_client import VertexCluster

    return VertexCluster(project or "", region or "", endpoint=host, service_account=service_account)

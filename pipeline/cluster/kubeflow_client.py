"""Runs and schedules on Kubeflow Pipelines 2, through kfp's own client."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kfp_server_api
import requests
import urllib3
from kfp.client import Client

from pipeline.cluster.clusters import (
    ANSWER_S,
    HEALTH_S,
    RunState,
    Schedule,
    ScheduleSettings,
    SubmittedRun,
    TaskFailure,
    no_answer,
    no_login,
    refusal,
)
from pipeline.cluster.pipeline_file import CompiledPipeline, Parameters
from schemas.errors import InputError

TOKEN, COOKIES = "KUBEFLOW_TOKEN", "KUBEFLOW_COOKIES"
_LOGIN = f"log in again and set {TOKEN} (a bearer token) or {COOKIES} (those of the browser) in the environment"
_LOG_LINES = 20
_ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")


class KubeflowCluster:
    """A server of Kubeflow Pipelines.

    Args:
        host: its address, like https://kubeflow.example.com/pipeline.
        namespace: the namespace of the user, or None where the server has only one.
        experiment: the experiment for new runs and schedules, or None for the name of the pipeline.
        service_account: the Kubernetes service account of the tasks, or None for the default.

    Raises:
        InputError: the address is wrong, does not answer or has no Kubeflow Pipelines, or the login is missing.

    Example:
        ```python
        cluster = KubeflowCluster("http://localhost:8080")
        run = cluster.submit(read_pipeline(Path("pipeline.yaml"), "kubeflow"), "tonight", {"seed": 2})
        print(run.link)
        ```
    """

    def __init__(
        self,
        host: str,
        *,
        namespace: str | None = None,
        experiment: str | None = None,
        service_account: str | None = None,
    ) -> None:
        self._host = host.rstrip("/")
        self._server = f"Kubeflow Pipelines at {self._host}"
        self._namespace = namespace
        self._experiment = experiment
        self._service_account = service_account
        self._session = requests.Session()
        token, cookies = os.environ.get(TOKEN), os.environ.get(COOKIES)
        self._session.headers.update({"Authorization": f"Bearer {token}"} if token else {})
        self._session.headers.update({"Cookie": cookies} if cookies else {})
        self._check_server()
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings repeat what the error says
        with self._translated():
            self._client = Client(
                host=self._host, namespace=namespace or "kubeflow", existing_token=token, cookies=cookies
            )

    def submit(self, pipeline: CompiledPipeline, name: str, parameters: Parameters) -> SubmittedRun:
        """Start a run of a pipeline."""
        with self._translated(), _as_file(pipeline.specification, pipeline.platform) as path:
            run = self._client.run_pipeline(
                self._experiment_id(pipeline.name),
                name,
                pipeline_package_path=path,
                params=parameters,
                pipeline_root=pipeline.artifacts,
                service_account=self._service_account,
            )
        return self._submitted(run.run_id)

    def state(self, run_id: str, tasks: list[str]) -> RunState:
        """Return the state of a run, and of those of its tasks that are named."""
        with self._translated():
            run = self._client.get_run(run_id)
        details = _details(run)
        states = {each.display_name: str(each.state) for each in details if each.display_name in tasks}
        name = str(run.state)
        return RunState(name, name in _ENDED, name in ("SUCCEEDED", "SKIPPED"), states)

    def failures(self, run_id: str, tasks: list[str]) -> list[TaskFailure]:
        """Return the failed tasks of a run, each with the end of its log."""
        with self._translated():
            run = self._client.get_run(run_id)
        details = _details(run)
        found: dict[str, TaskFailure] = {}
        for each in details:
            # A task has a node of its own, and one for its driver, which resolves its inputs.
            task = str(each.display_name).removesuffix("-driver")
            if task in tasks and each.state == "FAILED":
                found.setdefault(task, TaskFailure(task, self._log(run_id, _failed_pod(each, details))))
        if not found and run.error:
            return [TaskFailure("the run", str(run.error.message))]
        return list(found.values())

    def create_schedule(self, pipeline: CompiledPipeline, settings: ScheduleSettings, parameters: Parameters) -> str:
        """Create a schedule, and return its identifier.

        Raises:
            InputError: the settings have a time zone, because Kubeflow has one for all schedules.
        """
        if settings.time_zone is not None:
            raise InputError(
                expected="no --time-zone for kubeflow, which has one time zone for all schedules",
                received=settings.time_zone,
                remedy="leave it away, and set CRON_SCHEDULE_TIMEZONE of the deployment ml-pipeline-scheduledworkflow;"
                " its default is UTC",
            )
        with self._translated(), _as_file(pipeline.specification, pipeline.platform) as path:
            created = self._client.create_recurring_run(
                self._experiment_id(pipeline.name),
                settings.name,
                cron_expression=settings.cron,
                max_concurrency=str(settings.max_concurrency),  # JSON has no 64-bit numbers
                no_catchup=True,
                params=parameters,
                pipeline_package_path=path,
                pipeline_root=pipeline.artifacts,
                service_account=self._service_account,
            )
        return str(created.recurring_run_id)

    def schedules(self) -> list[Schedule]:
        """Return all schedules of the namespace."""
        found: list[Schedule] = []
        page = ""
        while True:
            with self._translated():
                answer = self._client.list_recurring_runs(page_token=page, page_size=100, namespace=self._namespace)
            found += [_schedule(each) for each in answer.recurring_runs or ()]
            page = answer.next_page_token
            if not page:
                return found

    def pause(self, schedule_id: str) -> None:
        """Let a schedule start no more runs."""
        with self._translated():
            self._client.disable_recurring_run(schedule_id)

    def resume(self, schedule_id: str) -> None:
        """Let a schedule start runs again, without those that it missed."""
        with self._translated():
            self._client.enable_recurring_run(schedule_id)

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its runs stay."""
        with self._translated():
            self._client.delete_recurring_run(schedule_id)

    def run_now(self, schedule_id: str) -> SubmittedRun:
        """Start a run of a schedule's pipeline with its parameters."""
        with self._translated(), contextlib.ExitStack() as files:
            schedule = self._client.get_recurring_run(schedule_id)
            if reference := schedule.pipeline_version_reference:
                source = {"pipeline_id": reference.pipeline_id, "version_id": reference.pipeline_version_id}
            else:
                # A specification with settings of Kubernetes is kept with them, under two keys.
                kept = schedule.pipeline_spec
                parts = (kept.get("pipeline_spec", kept), kept.get("platform_spec"))
                source = {"pipeline_package_path": files.enter_context(_as_file(*parts))}
            settings = schedule.runtime_config
            run = self._client.run_pipeline(
                schedule.experiment_id,
                f"{schedule.display_name} by hand",
                params=settings.parameters if settings else None,
                pipeline_root=settings.pipeline_root if settings else None,
                service_account=schedule.service_account,
                **source,
            )
        return self._submitted(run.run_id)

    def _submitted(self, run_id: str) -> SubmittedRun:
        return SubmittedRun(run_id, f"{self._host}/#/runs/details/{run_id}")

    def _experiment_id(self, pipeline_name: str) -> str:
        name = self._experiment or pipeline_name
        return str(self._client.create_experiment(name, namespace=self._namespace).experiment_id)

    def _check_server(self) -> None:
        """Ask for the server's health. kfp's client would try for half a minute, and read a login page as an answer."""
        if not self._host.startswith(("http://", "https://")):
            raise InputError(
                expected="the address of Kubeflow Pipelines in --host",
                received=self._host,
                remedy="write it with http:// or https://, like http://localhost:8080",
            )
        try:
            answer = self._session.get(f"{self._host}/apis/v2beta1/healthz", timeout=HEALTH_S, allow_redirects=False)
        except requests.RequestException as error:
            raise no_answer(self._server, _root_cause(error)) from None
        if answer.is_redirect:
            raise no_login(self._server, _LOGIN, f"it redirects to {answer.headers['Location']}")
        if not answer.ok:
            raise refusal(self._server, _LOGIN, answer.status_code, _message(answer.text) or answer.reason)
        health = _json(answer.text)
        if health is None:
            raise no_login(self._server, _LOGIN, "a page instead of an answer, probably that of a login")
        if health.get("multi_user") and not self._namespace:
            raise InputError(
                expected=f"a namespace, because {self._server} has several users",
                received="no --namespace",
                remedy="add --namespace with the one of your profile",
            )

    def _log(self, run_id: str, pod: str) -> str:
        """Return the last lines of a pod's log; the server answers 200 also when it has none."""
        address = f"{self._host}/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log"
        try:
            answer = self._session.get(address, timeout=ANSWER_S)
        except requests.RequestException as error:
            return f"(the log of {pod} cannot be read: {_root_cause(error)})"
        if not answer.ok or (_json(answer.text) or {}).get("error_message"):
            return f"(the log of {pod} cannot be read: {_message(answer.text) or answer.reason})"
        return "\n".join(answer.text.rstrip().splitlines()[-_LOG_LINES:]) or f"(the log of {pod} is empty)"

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the errors of kfp's client into those for users; it has no timeouts, and prints links."""
        former = socket.getdefaulttimeout()
        socket.setdefaulttimeout(ANSWER_S)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except kfp_server_api.ApiException as error:
            if not error.status:
                raise no_answer(self._server, str(error.reason)) from None
            raise refusal(self._server, _LOGIN, error.status, _message(error.body) or str(error.reason)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise no_answer(self._server, _root_cause(error)) from None
        finally:
            socket.setdefaulttimeout(former)


@contextlib.contextmanager
def _as_file(specification: Mapping[str, Any], platform: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the path of a pipeline's file, as kfp's client reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        # JSON is YAML, and is written faster.
        path.write_text("\n---\n".join(json.dumps(each) for each in (specification, platform) if each))
        yield str(path)


def _details(run: Any) -> list[Any]:
    return (run.run_details.task_details if run.run_details else None) or []


def _failed_pod(task: Any, details: list[Any]) -> str:
    """Return the pod below a task that failed.

    A task names its children by their nodes, but its own pod by the pod's name. Both end with the same number.
    """
    for child in task.child_tasks or ():
        number = str(child.pod_name).rpartition("-")[2]
        for each in details:
            if each.state == "FAILED" and each is not task and str(each.pod_name).rpartition("-")[2] == number:
                return _failed_pod(each, details)
    return str(task.pod_name)


def _schedule(found: Any) -> Schedule:
    trigger = found.trigger
    cron = trigger.cron_schedule.cron if trigger and trigger.cron_schedule else "no cron line"
    state = str(found.status or found.mode)
    return Schedule(found.recurring_run_id, found.display_name, cron, state, int(found.max_concurrency or 1))


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _message(body: str | bytes | None) -> str:
    """Return the message in the body of an error, or its first line."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    found = _json(text) or {}
    message = found.get("message") or found.get("error_message") or found.get("error") or text
    return (str(message).strip().splitlines() or [""])[0][:500]


def _root_cause(error: BaseException) -> str:
    """Return why a connection failed, without the addresses of Python objects."""
    chain: list[BaseException] = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    if any(isinstance(each, TimeoutError) for each in chain):
        return "no answer in time"
    return next((str(each.strerror) for each in chain if isinstance(each, OSError) and each.strerror), str(error))

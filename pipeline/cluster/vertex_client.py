"""Runs and schedules on Vertex AI, through the client of google-cloud-aiplatform."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from pipeline.cluster.clusters import (
    ANSWER_S,
    RunState,
    Schedule,
    ScheduleSettings,
    SubmittedRun,
    TaskFailure,
    no_answer,
    no_login,
    refusal,
)
from pipeline.cluster.cron import five_fields
from pipeline.cluster.pipeline_file import CompiledPipeline, Parameters
from schemas.errors import InputError

try:
    import google.auth
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import aiplatform_v1
except ImportError:
    raise InputError(
        expected="the package google-cloud-aiplatform for Vertex AI",
        received="it is not installed",
        remedy="install temporec with the extra vertex: pip install 'temporec[vertex]'",
    ) from None

_LOGIN = "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_STATE = "PIPELINE_STATE_"
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "PAUSED")
_DELETION_S = 120.0


class VertexCluster:
    """Vertex AI in a region of a project.

    Args:
        project: the Google Cloud project.
        region: the region, like europe-west4.
        endpoint: the address of a private endpoint, or None for the public one of the region.
        service_account: the service account of the tasks, or None for the project's default.

    Raises:
        InputError: no credentials are found.

    Example:
        ```python
        cluster = VertexCluster("shop", "europe-west4")
        run = cluster.submit(read_pipeline(Path("pipeline.json"), "vertex"), "tonight", {"seed": 2})
        print(run.link)
        ```
    """

    def __init__(
        self, project: str, region: str, *, endpoint: str | None = None, service_account: str | None = None
    ) -> None:
        address = endpoint or f"{region}-aiplatform.googleapis.com"
        self._server = f"Vertex AI at {address}"
        self._project = project
        self._region = region
        self._parent = f"projects/{project}/locations/{region}"
        self._service_account = service_account
        with self._translated():
            credentials, _ = google.auth.default(scopes=_SCOPES)
            options = {"api_endpoint": address}
            self._runs = aiplatform_v1.PipelineServiceClient(credentials=credentials, client_options=options)
            self._schedules = aiplatform_v1.ScheduleServiceClient(credentials=credentials, client_options=options)

    def submit(self, pipeline: CompiledPipeline, name: str, parameters: Parameters) -> SubmittedRun:
        """Start a run of a pipeline."""
        return self._start(self._job(pipeline, name, parameters))

    def state(self, run_id: str, tasks: list[str]) -> RunState:
        """Return the state of a run, and of those of its tasks that are named."""
        with self._translated():
            job = self._runs.get_pipeline_job(name=run_id, timeout=ANSWER_S)
        states = {each.task_name: each.state.name for each in job.job_detail.task_details if each.task_name in tasks}
        name = job.state.name.removeprefix(_STATE)
        return RunState(name, name in _ENDED, name == "SUCCEEDED", states)

    def failures(self, run_id: str, tasks: list[str]) -> list[TaskFailure]:
        """Return the failed tasks of a run. Their logs are in Cloud Logging, to which the messages have links."""
        with self._translated():
            job = self._runs.get_pipeline_job(name=run_id, timeout=ANSWER_S)
        found = [
            TaskFailure(each.task_name, each.error.message.strip() or "(Vertex AI gives no message)")
            for each in job.job_detail.task_details
            if each.state.name == "FAILED" and each.task_name in tasks
        ]
        return found or ([TaskFailure("the run", job.error.message)] if job.error.message else [])

    def create_schedule(self, pipeline: CompiledPipeline, settings: ScheduleSettings, parameters: Parameters) -> str:
        """Create a schedule, and return its identifier.

        Raises:
            InputError: the cron line has seconds, which Vertex AI does not have.
        """
        schedule = aiplatform_v1.Schedule(
            display_name=settings.name,
            cron=five_fields(settings.cron, settings.time_zone),
            max_concurrent_run_count=settings.max_concurrency,
            create_pipeline_job_request=aiplatform_v1.CreatePipelineJobRequest(
                parent=self._parent, pipeline_job=self._job(pipeline, settings.name, parameters)
            ),
        )
        with self._translated():
            created = self._schedules.create_schedule(parent=self._parent, schedule=schedule, timeout=ANSWER_S)
        return _last(created.name)

    def schedules(self) -> list[Schedule]:
        """Return all schedules of pipelines in the region."""
        with self._translated():
            return [
                Schedule(_last(each.name), each.display_name, each.cron, each.state.name, each.max_concurrent_run_count)
                for each in self._schedules.list_schedules(parent=self._parent, timeout=ANSWER_S)
                if each.create_pipeline_job_request.parent
            ]

    def pause(self, schedule_id: str) -> None:
        """Let a schedule start no more runs."""
        with self._translated():
            self._schedules.pause_schedule(name=self._name(schedule_id), timeout=ANSWER_S)

    def resume(self, schedule_id: str) -> None:
        """Let a schedule start runs again, without those that it missed."""
        request = aiplatform_v1.ResumeScheduleRequest(name=self._name(schedule_id), catch_up=False)
        with self._translated():
            self._schedules.resume_schedule(request=request, timeout=ANSWER_S)

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its runs stay."""
        with self._translated():
            deletion = self._schedules.delete_schedule(name=self._name(schedule_id), timeout=ANSWER_S)
            deletion.result(timeout=_DELETION_S)

    def run_now(self, schedule_id: str) -> SubmittedRun:
        """Start a run of a schedule's pipeline with its parameters."""
        with self._translated():
            schedule = self._schedules.get_schedule(name=self._name(schedule_id), timeout=ANSWER_S)
        return self._start(schedule.create_pipeline_job_request.pipeline_job)

    def _start(self, job: Any) -> SubmittedRun:
        with self._translated():
            created = self._runs.create_pipeline_job(parent=self._parent, pipeline_job=job, timeout=ANSWER_S)
        page = f"https://console.cloud.google.com/vertex-ai/locations/{self._region}/pipelines/runs"
        return SubmittedRun(created.name, f"{page}/{_last(created.name)}?project={self._project}")

    def _job(self, pipeline: CompiledPipeline, name: str, parameters: Parameters) -> Any:
        runtime = {**pipeline.job.get("runtimeConfig", {}), "parameterValues": parameters}
        tree = {
            **pipeline.job,
            "displayName": name,
            "pipelineSpec": pipeline.specification,
            "runtimeConfig": runtime,
            **({"serviceAccount": self._service_account} if self._service_account else {}),
        }
        return aiplatform_v1.PipelineJob.from_json(json.dumps(tree))

    def _name(self, schedule_id: str) -> str:
        return schedule_id if "/" in schedule_id else f"{self._parent}/schedules/{schedule_id}"

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the errors of Google's client into those for users."""
        try:
            yield
        except GoogleAuthError as error:
            raise no_login(self._server, _LOGIN, str(error.args[0] if error.args else error)) from None
        except GoogleAPICallError as error:
            message = str(error.message)
            # The transport calls credentials that cannot be refreshed an unavailable server.
            refresh = "Getting metadata from plugin failed" in message
            raise refusal(self._server, _LOGIN, 401 if refresh else int(error.code or 500), message) from None
        except TimeoutError as error:
            raise no_answer(self._server, str(error)) from None


def _last(name: str) -> str:
    return name.rpartition("/")[2]

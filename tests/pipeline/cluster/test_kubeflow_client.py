"""The commands for Kubeflow Pipelines, against a server that answers as its API server does."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import ComponentFailed, InputError
from tests.e2e.command import attempt
from tests.kubeflow.api_definition import violations
from tests.kubeflow.api_server import ApiServer
from tests.pipeline.cluster.conftest import Command

NIGHTLY = ("--cron", "0 0 3 * * *")


def sent(server: ApiServer, method: str, end: str) -> Any:
    """Return the body of the last request to a path."""
    return [body for used, path, body in server.requests if (used, path.rpartition("/")[2]) == (method, end)][-1]


def task(name: str, state: str, pod: str, *children: str) -> dict[str, Any]:
    """Return the details of a task, as backend/src/apiserver/server/api_converter.go makes them of Argo's nodes."""
    return {
        "display_name": name,
        "state": state,
        "pod_name": pod,
        "child_tasks": [{"pod_name": child} for child in children],
    }


def test_submit_sends_the_pipeline_and_typed_parameters(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    settings = ("--set-parameter", "epochs=2", "--set-parameter", "data_path=s3://logs/a=b.csv")

    printed = command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, *settings)

    assert printed == f"{server.host}/#/runs/details/run-0\n"
    body = sent(server, "POST", "runs")
    assert body["runtime_config"]["parameters"] == {"epochs": 2, "data_path": "s3://logs/a=b.csv"}
    assert body["runtime_config"]["pipeline_root"] == "gs://bucket/root/artifacts"
    assert body["pipeline_spec"] == yaml.safe_load(compiled["kubeflow"].read_text())
    assert body["display_name"] == server.experiments[0]["display_name"] == "quickstart"


def test_another_root_takes_the_artifacts_and_the_models_along(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    login = ("--target", "kubeflow", "--host", server.host)

    command("submit", compiled["kubeflow"], *login, "--set-parameter", "root=gs://other/shop/")
    command("schedule", "create", compiled["kubeflow"], *login, *NIGHTLY, "--set-parameter", "root=gs://other/shop")

    expected = {
        "parameters": {"root": "gs://other/shop", "models_path": "gs://other/shop/models"},
        "pipeline_root": "gs://other/shop/artifacts",
    }
    assert [sent(server, "POST", end)["runtime_config"] for end in ("runs", "recurringruns")] == [expected] * 2


def test_submit_names_the_run_the_experiment_and_the_service_account(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    names = ("--name", "tonight", "--experiment", "shop", "--service-account", "trainer")

    command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, *names)
    command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, *names)

    body = sent(server, "POST", "runs")
    assert (body["display_name"], body["service_account"]) == ("tonight", "trainer")
    assert [each["display_name"] for each in server.experiments] == ["shop"]


def test_submit_without_cache_repeats_every_task_and_keeps_secrets(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    command("submit", compiled["secrets"], "--target", "kubeflow", "--host", server.host, "--no-cache")

    body = sent(server, "POST", "runs")["pipeline_spec"]
    tasks = body["pipeline_spec"]["root"]["dag"]["tasks"]
    assert len(tasks) == 16
    assert not any(each["cachingOptions"].get("enableCache") for each in tasks.values())
    assert len(body["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]) == 16


def test_wait_prints_each_change_of_a_task(
    server: ApiServer, compiled: dict[str, Path], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cluster.follow.EVERY_S", 0.01)
    server.states = [
        ("PENDING", []),
        ("RUNNING", [task("Trainer", "RUNNING", "w-1"), task("Trainer-driver", "SUCCEEDED", "w-2")]),
        ("RUNNING", [task("Trainer", "RUNNING", "w-1")]),
        ("SUCCEEDED", [task("Trainer", "SUCCEEDED", "w-1")]),
    ]

    printed = command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, "--wait")

    assert printed.splitlines()[1:] == ["Trainer: RUNNING", "Trainer: SUCCEEDED", "The run ended: SUCCEEDED"]


def test_failed_run_ends_with_its_component_and_the_end_of_its_log(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    server.states = [
        (
            "FAILED",
            [
                task("root", "FAILED", "w", "w-11"),
                task("LogFiles", "SUCCEEDED", "w-system-container-executor-10"),
                task("Trainer", "FAILED", "w-system-container-executor-11", "w-12"),
                task("executor", "FAILED", "w-retry-system-container-impl-12", "w-13", "w-14"),
                task("executor(0)", "FAILED", "w-system-container-impl-13"),
            ],
        )
    ]
    server.logs = {
        "w-system-container-impl-13": "\n".join(f"line {number}" for number in range(50)) + "\nOut of memory"
    }

    with pytest.raises(ComponentFailed) as caught:
        command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, "--wait")

    lines = str(caught.value).splitlines()
    assert lines[:3] == ["the run on the cluster ended: FAILED", "Trainer failed. It ended with:", "line 31"]
    assert lines[-2:] == ["Out of memory", f"details:  {server.host}/#/runs/details/run-0"]


def test_failed_driver_without_a_log_is_reported(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    server.states = [("FAILED", [task("Evaluator-driver", "FAILED", "w-driver-5")])]

    with pytest.raises(ComponentFailed, match=r"Evaluator failed[^$]*pods w-driver-5 not found"):
        command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, "--wait")


def test_schedule_has_the_cron_line_concurrency_and_no_catchup(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    given = (*NIGHTLY, "--max-concurrency", 2, "--name", "nightly", "--set-parameter", "seed=7")

    printed = command("schedule", "create", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, *given)

    body = sent(server, "POST", "recurringruns")
    assert printed == "schedule-0\n"
    assert body["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * *"}}
    assert (body["mode"], body["max_concurrency"], body["no_catchup"]) == ("ENABLE", "2", True)
    assert body["display_name"] == "nightly"
    assert body["runtime_config"] == {"parameters": {"seed": 7}, "pipeline_root": "gs://bucket/root/artifacts"}


@pytest.mark.parametrize("file", ["kubeflow", "secrets"])
def test_schedule_is_listed_paused_resumed_run_and_deleted(
    server: ApiServer, compiled: dict[str, Path], command: Command, file: str
) -> None:
    login = ("--target", "kubeflow", "--host", server.host)
    for number in range(2):
        command(
            "schedule",
            "create",
            compiled[file],
            *login,
            *NIGHTLY,
            "--name",
            f"n{number}",
            "--set-parameter",
            "epochs=4",
        )

    listed = command("schedule", "list", *login).splitlines()
    assert listed[1] == "schedule-1  ENABLED  0 0 3 * * *  at most 1 at a time  n1"
    command("schedule", "pause", "schedule-1", *login)
    assert "schedule-1  DISABLED" in command("schedule", "list", *login)
    command("schedule", "resume", "schedule-1", *login)
    assert "schedule-1  ENABLED" in command("schedule", "list", *login)
    assert command("schedule", "run-now", "schedule-1", *login) == f"{server.host}/#/runs/details/run-0\n"
    assert server.runs["run-0"]["pipeline_spec"] == server.schedules["schedule-1"]["pipeline_spec"]
    assert server.runs["run-0"]["runtime_config"] == server.schedules["schedule-1"]["runtime_config"]
    command("schedule", "delete", "schedule-1", *login)
    assert [line.split()[0] for line in command("schedule", "list", *login).splitlines()] == ["schedule-0"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, "the permission for this"),
        (404, "this schedule, run or project"),
        (409, "a request that"),
        (429, "within the quota"),
        (503, "an answer of"),
    ],
)
def test_refusal_of_the_server_has_a_remedy(
    server: ApiServer, compiled: dict[str, Path], command: Command, status: int, expected: str
) -> None:
    server.fails_with = (status, "the server's own words")

    with pytest.raises(InputError) as caught:
        command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host)

    assert expected in caught.value.expected
    assert caught.value.received == f"{status}: the server's own words"


def test_broken_server_is_a_failure(server: ApiServer, compiled: dict[str, Path], command: Command) -> None:
    server.fails_with = (500, "the database is away")

    with pytest.raises(ComponentFailed, match="500: the database is away"):
        command("schedule", "list", "--target", "kubeflow", "--host", server.host)


def test_expired_token_is_refused_and_a_valid_one_is_used(
    server: ApiServer, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "valid"
    monkeypatch.setenv("KUBEFLOW_TOKEN", "expired")
    with pytest.raises(InputError) as caught:
        command("schedule", "list", "--target", "kubeflow", "--host", server.host)
    assert caught.value.received == "401: token expired"
    assert "KUBEFLOW_TOKEN" in caught.value.remedy

    monkeypatch.setenv("KUBEFLOW_TOKEN", "valid")
    assert command("schedule", "list", "--target", "kubeflow", "--host", server.host) == ""


def test_server_with_several_users_needs_a_namespace(server: ApiServer, command: Command) -> None:
    server.multi_user = True
    with pytest.raises(InputError, match="--namespace"):
        command("schedule", "list", "--target", "kubeflow", "--host", server.host)
    assert command("schedule", "list", "--target", "kubeflow", "--host", server.host, "--namespace", "anna") == ""


@pytest.mark.parametrize("answers", [True, False])
def test_silent_or_absent_server_is_reported_within_seconds(
    compiled: dict[str, Path], command: Command, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    monkeypatch.setattr("pipeline.cluster.kubeflow_client.HEALTH_S", 0.5)
    started = time.monotonic()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if answers:
            listener.listen()  # a connection is made, but nothing reads from it
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(InputError) as caught:
            command("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", host)
    assert caught.value.received == ("no answer in time" if answers else "Connection refused")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("status", "headers", "body", "received"),
    [
        (302, {"Location": "/dex/auth"}, b"", "it redirects to /dex/auth"),
        (200, {}, b"<html>Log in</html>", "a page instead of an answer, probably that of a login"),
        (404, {}, b"no such service\nat all", "404: no such service"),
    ],
)
def test_login_page_in_front_of_the_server_is_recognized(
    command: Command, status: int, headers: dict[str, str], body: bytes, received: str
) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.handle_request).start()
        with pytest.raises(InputError) as caught:
            command("schedule", "list", "--target", "kubeflow", "--host", f"http://127.0.0.1:{page.server_port}")
    assert caught.value.received == received


def test_mistakes_are_found_before_the_server_is_asked(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    pipeline, login = compiled["kubeflow"], ("--target", "kubeflow", "--host", server.host)
    mistakes: dict[str, tuple[object, ...]] = {
        "the parameter root on gs://": ("submit", pipeline, *login, "--set-parameter", "root=s3://other/shop"),
        "a whole number": ("submit", pipeline, *login, "--set-parameter", "epochs=many"),
        "six fields": ("schedule", "create", pipeline, *login, "--cron", "0 3 * * *"),
        "compile --target kubeflow": ("submit", compiled["vertex"], *login),
        "options of kubeflow": ("submit", pipeline, *login, "--region", "europe-west4"),
        "--host for kubeflow": ("submit", pipeline, "--target", "kubeflow"),
    }
    for expected, arguments in mistakes.items():
        with pytest.raises(InputError) as caught:
            command(*arguments)
        assert expected in caught.value.expected
    assert server.requests == []


def test_time_zone_is_refused_because_kubeflow_has_one_for_all_schedules(
    server: ApiServer, compiled: dict[str, Path], command: Command
) -> None:
    login = ("--target", "kubeflow", "--host", server.host)
    with pytest.raises(InputError, match="CRON_SCHEDULE_TIMEZONE"):
        command("schedule", "create", compiled["kubeflow"], *login, *NIGHTLY, "--time-zone", "Europe/Berlin")
    assert server.schedules == {}


def test_failed_run_ends_the_command_with_exit_code_1(server: ApiServer, compiled: dict[str, Path]) -> None:
    server.states = [("FAILED", [task("Trainer", "FAILED", "w-1")])]

    ran = attempt("submit", compiled["kubeflow"], "--target", "kubeflow", "--host", server.host, "--wait")

    assert ran.returncode == 1
    assert "Trainer failed" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_definition_finds_a_wrong_request() -> None:
    body = {"display_name": 3, "max_concurrency": "1", "mode": "ON", "trigger": {"cron": "* * * * * *"}}
    assert sorted(violations(body, "V2beta1RecurringRun")) == [
        "body.display_name is no str: 3",
        "body.mode is none of ['MODE_UNSPECIFIED', 'ENABLE', 'DISABLE']: 'ON'",
        "body.trigger.cron is unknown",
    ]

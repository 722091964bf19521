"""A server on loopback that answers as the API server of Kubeflow Pipelines 2.17 does.

Each rule names its place in github.com/kubeflow/pipelines. Requests and answers are checked against the definition.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb2

from tests.kubeflow.api_definition import violations
from tests.kubeflow.double import refusals

_KINDS = {str: "STRING", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", bool: "BOOLEAN"}
_PAGE = 1  # the greatest page of a list, so that clients have to ask for the next one


class Refused(Exception):
    """An error of the server, as an HTTP status and a message."""


@dataclass
class ApiServer:
    """The state of the server.

    Args:
        token: the only bearer token that is accepted; None accepts every request.
        multi_user: whether each user has a namespace.
        fails_with: the status and the message of every answer except for that of healthz.
        states: the answers about a run, one after the other: its state and its tasks' details. The last one stays.
        logs: the logs of pods.
    """

    token: str | None = None
    multi_user: bool = False
    fails_with: tuple[int, str] | None = None
    states: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=lambda: [("SUCCEEDED", [])])
    logs: dict[str, str] = field(default_factory=dict)
    host: str = ""
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Return the JSON of an answer."""
        if path == "/apis/v2beta1/healthz":
            return _checked({"multi_user": self.multi_user}, "V2beta1GetHealthzResponse")
        if self.fails_with:
            raise Refused(*self.fails_with)
        routes: dict[str, Callable[..., Any]] = {
            "GET /experiments": self._list_experiments,
            "POST /experiments": self._create_experiment,
            "POST /runs": self._create_run,
            r"GET /runs/([^/:]+)": self._get_run,
            "GET /recurringruns": self._list_schedules,
            "POST /recurringruns": self._create_schedule,
            r"GET /recurringruns/([^/:]+)": self._get_schedule,
            r"DELETE /recurringruns/([^/:]+)": self._delete_schedule,
            r"POST /recurringruns/([^/]+):(disable|enable)": self._switch_schedule,
        }
        asked = f"{method} {path.removeprefix('/apis/v2beta1')}"
        for pattern, route in routes.items():
            if found := re.fullmatch(pattern, asked):
                return route(*(found.groups() or [body or query]))
        raise Refused(404, f"no such path: {asked}")

    def _list_experiments(self, query: dict[str, str]) -> Any:
        wanted = json.loads(query["filter"])["predicates"][0]
        named = [
            each for each in self.experiments if each["display_name"] == _first(wanted, "stringValue", "string_value")
        ]
        return _checked({"experiments": named} if named else {}, "V2beta1ListExperimentsResponse")

    def _create_experiment(self, body: dict[str, Any]) -> Any:
        _require(violations(body, "V2beta1Experiment"))
        self.experiments.append({"experiment_id": f"experiment-{len(self.experiments)}", **body})
        return _checked(self.experiments[-1], "V2beta1Experiment")

    def _create_run(self, body: dict[str, Any]) -> Any:
        _require(violations(body, "V2beta1Run"))
        self._check_pipeline(body)
        run = {"run_id": f"run-{len(self.runs)}", "state": "PENDING", **body}
        self.runs[run["run_id"]] = run
        return _checked(run, "V2beta1Run")

    def _get_run(self, run_id: str) -> Any:
        run = _existing(self.runs, run_id)
        state, tasks = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        return _checked({**run, "state": state, "run_details": {"task_details": tasks}}, "V2beta1Run")

    def _list_schedules(self, query: dict[str, str]) -> Any:
        start = int(query.get("page_token") or 0)
        found = [*self.schedules.values()][start : start + _PAGE]
        more = {"next_page_token": str(start + _PAGE)} if start + _PAGE < len(self.schedules) else {}
        return _checked({"recurringRuns": found, **more}, "V2beta1ListRecurringRunsResponse")

    def _create_schedule(self, body: dict[str, Any]) -> Any:
        """backend/src/apiserver/server/recurring_run_server.go, validateCreateRecurringRunRequest."""
        _require(violations(body, "V2beta1RecurringRun"))
        self._check_pipeline(body)
        if not 1 <= int(body["max_concurrency"]) <= 10:
            raise Refused(400, "The max_concurrency of a recurring run must be between 1 and 10")
        fields = body["trigger"]["cron_schedule"]["cron"].split()
        if len(fields) not in (5, 6):  # version 1 of github.com/robfig/cron
            raise Refused(400, f"Schedule cron is not a supported format. Expected 5 to 6 fields, found {len(fields)}")
        status = {"ENABLE": "ENABLED", "DISABLE": "DISABLED"}[body["mode"]]
        schedule = {"recurring_run_id": f"schedule-{len(self.schedules)}", "status": status, **body}
        self.schedules[schedule["recurring_run_id"]] = schedule
        return _checked(schedule, "V2beta1RecurringRun")

    def _get_schedule(self, schedule_id: str) -> Any:
        return _checked(_existing(self.schedules, schedule_id), "V2beta1RecurringRun")

    def _delete_schedule(self, schedule_id: str) -> Any:
        _existing(self.schedules, schedule_id)
        del self.schedules[schedule_id]
        return {}

    def _switch_schedule(self, schedule_id: str, switch: str) -> Any:
        _existing(self.schedules, schedule_id)["status"] = f"{switch.upper()}D"
        return {}

    def _check_pipeline(self, body: dict[str, Any]) -> None:
        """backend/src/apiserver/template/v2_template.go."""
        if body["experiment_id"] not in [each["experiment_id"] for each in self.experiments]:
            raise Refused(404, f"Experiment {body['experiment_id']} not found")
        tree = body["pipeline_spec"].get("pipeline_spec", body["pipeline_spec"])
        specification = json_format.ParseDict(tree, spec_pb2.PipelineSpec())
        _require(refusals(specification))
        declared = tree["root"]["inputDefinitions"]["parameters"]
        for name, value in body.get("runtime_config", {}).get("parameters", {}).items():
            if _KINDS[type(value)] != declared.get(name, {}).get("parameterType"):
                raise Refused(400, f"input parameter {name} requires another type than {value!r}")


class _Handler(BaseHTTPRequestHandler):
    state: ApiServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = json.loads(body) if body else None
        self.state.requests.append((method, parts.path, content))
        if self.state.token and self.headers["Authorization"] != f"Bearer {self.state.token}":
            return self._send(401, json.dumps({"error": "token expired", "code": 16, "message": "token expired"}))
        # backend/src/apiserver/server/run_log_server.go: the status is 200 also for an error.
        if found := re.fullmatch(r"/apis/v1alpha1/runs/[^/]+/nodes/([^/]+)/log", parts.path):
            missing = json.dumps({"error_message": f"pods {found[1]} not found"})
            return self._send(200, self.state.logs.get(found[1], missing))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            return self._send(200, json.dumps(self.state.answer(method, parts.path, query, content)))
        except Refused as refused:
            status, message = refused.args
            return self._send(status, json.dumps({"error": message, "code": 3, "message": message, "details": []}))

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def api_server(state: ApiServer) -> Iterator[ApiServer]:
    """Serve on a free port until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.host = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _checked(answer: Any, schema: str) -> Any:
    assert violations(answer, schema) == []
    return answer


def _require(found: list[str]) -> None:
    if found:
        raise Refused(400, "; ".join(found))


def _existing(known: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
    if key not in known:
        raise Refused(404, f"{key} not found")
    return known[key]


def _first(tree: dict[str, Any], *keys: str) -> Any:
    return next(tree[key] for key in keys if key in tree)

"""The container that sends a message, as Kubeflow's launcher starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.gate.verdict import GateCheck, GateVerdict, write_verdict
from pipeline.containers.notify import COMMAND, message_of
from tests.pipeline.notify.servers import webhook

# backend/src/v2/driver/resolve.go in github.com/kubeflow/pipelines makes the status.
FAILED = {"state": "FAILED", "pipelineTaskName": "run", "pipelineJobResourceName": "shop-abc", "error": {}}


def start(inputs: dict[str, Any], url: str, environ: dict[str, str]) -> str:
    notify = {"webhook": {"url_variable": "HOOK"}}
    arguments = ["--notify", json.dumps(notify), "--pipeline", "shop", "--root", "gs://bucket/root"]
    given = ["--executor_input", json.dumps({"inputs": inputs})]
    command = [sys.executable, *COMMAND[1:], *arguments, *given]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    assert url not in ran.stdout
    return ran.stdout


def test_failed_run_sends_its_state_and_a_run_without_failure_sends_nothing() -> None:
    with webhook() as (url, got):
        start({"parameterValues": {"status": FAILED}}, url, {"HOOK": url})
        printed = start({"parameterValues": {"status": {**FAILED, "state": "COMPLETE"}}}, url, {"HOOK": url})
    ((_, message),) = got
    assert (message["outcome"], message["reasons"]) == ("failure", ["state: FAILED", "run: shop-abc"])
    assert printed == "The run has not failed: there is no message.\n"


def test_message_that_cannot_be_sent_fails_no_task() -> None:
    with webhook(status=500) as (url, _):
        assert "status 500" in start({"parameterValues": {"status": FAILED}}, url, {"HOOK": url})
        assert "HOOK, which notify.webhook.url_variable names" in start(
            {"parameterValues": {"status": FAILED}}, url, {}
        )


@pytest.mark.parametrize(("passed", "outcome"), [(True, "success"), (False, "refusal")])
def test_decision_of_the_gate_has_its_reasons(tmp_path: Path, passed: bool, outcome: str) -> None:
    verdict = GateVerdict((GateCheck("floor", "recall@10", "0.1", "0.2", passed),))
    write_verdict(str(tmp_path), verdict)
    artifact = {"name": "3", "uri": str(tmp_path), "metadata": {"blessed": float(passed)}}

    message = message_of("shop", "gs://bucket/root", {"artifacts": {"blessing": {"artifacts": [artifact]}}})

    assert message
    assert (message.outcome, message.lines) == (outcome, verdict.reasons)

"""The entry point of a container that sends a message: about the gate's decision, or about a failed run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from pipeline.notify.messages import Message
from pipeline.notify.send import check_variables, send
from schemas.config import NotifyConfig
from schemas.errors import InputError

COMMAND = ("python", "-m", "pipeline.containers.notify")
# A run on Kubeflow has the state of an execution in ML Metadata, one on Vertex AI that of a pipeline.
_SUCCEEDED = ("COMPLETE", "CACHED", "SUCCEEDED")


def main() -> None:
    """Send the message that the command line describes. A message that cannot be sent fails no task."""
    parser = argparse.ArgumentParser(prog="notify")
    for name in ("notify", "pipeline", "root", "executor_input"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    config = NotifyConfig.model_validate_json(args.notify)
    message = message_of(args.pipeline, args.root, json.loads(args.executor_input)["inputs"])
    if message is None:
        print("The run has not failed: there is no message.")
        return
    try:
        check_variables(config)
    except InputError as error:
        print(error)
        return
    for problem in send(config, message):
        print(problem)


def message_of(pipeline: str, root: str, inputs: Mapping[str, Any]) -> Message | None:
    """Return the message for the inputs of a task; None if the run has not failed.

    Args:
        pipeline: the name of the pipeline.
        root: the URI of the folder for artifacts and models.
        inputs: the inputs in the executor input: the artifact `blessing`, or the parameter `status`.
    """
    if "blessing" in inputs.get("artifacts", {}):
        from components.gate.verdict import read_verdict
        from pipeline.containers.runtime_artifacts import local_path

        (blessing,) = inputs["artifacts"]["blessing"]["artifacts"]
        verdict = read_verdict(local_path(blessing["uri"]))
        return Message("success" if verdict.blessed else "refusal", pipeline, root, verdict.reasons)
    status = inputs["parameterValues"]["status"]
    if status.get("state") in _SUCCEEDED:
        return None
    error = (status.get("error") or {}).get("message")
    job = status.get("pipelineJobResourceName")
    lines = [f"state: {status.get('state')}", *([error] if error else []), *([f"run: {job}"] if job else [])]
    return Message("failure", pipeline, root, lines)


if __name__ == "__main__":
    main()

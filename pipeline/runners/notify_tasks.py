"""The tasks of a compiled pipeline that send messages: one after the gate's decision, one after a failure."""

from __future__ import annotations

from typing import Any

from pipeline.containers.notify import COMMAND
from pipeline.containers.placeholders import placeholder
from schemas.config import Config

_DECISION, _FAILURE, _RUN = "NotifyDecision", "NotifyFailure", "run"
_GATE, _REFIT = "ModelGate", "Refit"


def add_notify_tasks(specification: dict[str, Any], config: Config, image: str) -> None:
    """Add the tasks that send messages.

    The task for the gate's decision is an ordinary one. That for a failure has to start after all others, in any case:
    `nest_for_exit` completes it.

    Args:
        specification: the pipeline specification.
        config: the configuration.
        image: the container image with temporec installed.
    """
    tasks = specification["root"]["dag"]["tasks"]
    last = sorted(tasks.keys() - {name for task in tasks.values() for name in task.get("dependentTasks", ())})
    arguments = ["--notify", config.notify.model_dump_json(), "--pipeline", config.name, "--root", placeholder("root")]
    decides = _REFIT if _REFIT in tasks else _GATE  # the refit's blessing has the checks of both
    blessing = specification["components"][decides]["outputDefinitions"]["artifacts"]["blessing"]
    from_gate = {"taskOutputArtifact": {"producerTask": decides, "outputArtifactKey": "blessing"}}
    inputs: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        _DECISION: ({"artifacts": {"blessing": dict(blessing)}}, {"artifacts": {"blessing": from_gate}}),
        _FAILURE: (
            {"parameters": {"status": {"parameterType": "TASK_FINAL_STATUS", "isOptional": True}}},
            {"parameters": {"status": {"taskFinalStatus": {"producerTask": _RUN}}}},
        ),
    }
    for name, (declared, given) in inputs.items():
        declared.setdefault("parameters", {})["root"] = {"parameterType": "STRING"}
        given.setdefault("parameters", {})["root"] = {"componentInputParameter": "root"}
        label = f"{name}_executor"
        container = {"image": image, "command": [*COMMAND], "args": [*arguments, "--executor_input", "{{$}}"]}
        specification["deploymentSpec"]["executors"][label] = {"container": container}
        specification["components"][name] = {"executorLabel": label, "inputDefinitions": declared}
        tasks[name] = {
            "componentRef": {"name": name},
            "inputs": given,
            "taskInfo": {"name": name},
            "cachingOptions": {},
        }
    # Kubeflow's driver does not update the state of a graph, so a task that runs must be its last: the decision's.
    tasks[_DECISION]["dependentTasks"] = [decides, *last]


def nest_for_exit(specification: dict[str, Any]) -> None:
    """Put all tasks except for that of a failure into a graph of their own, after which the latter starts.

    Kubeflow Pipelines and Vertex AI express an exit handler in this way.

    Args:
        specification: the pipeline specification with the tasks of `add_notify_tasks`.
    """
    tasks = specification["root"]["dag"]["tasks"]
    failure = tasks.pop(_FAILURE)
    failure |= {"dependentTasks": [_RUN], "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}
    parameters = specification["root"]["inputDefinitions"]["parameters"]
    specification["components"][_RUN] = {
        "dag": {"tasks": tasks},
        "inputDefinitions": {
            "parameters": {name: {"parameterType": each["parameterType"]} for name, each in parameters.items()}
        },
    }
    run = {
        "componentRef": {"name": _RUN},
        "taskInfo": {"name": _RUN},
        "inputs": {"parameters": {name: {"componentInputParameter": name} for name in parameters}},
    }
    specification["root"]["dag"] = {"tasks": {_RUN: run, _FAILURE: failure}}

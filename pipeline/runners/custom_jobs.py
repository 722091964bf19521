"""Tasks that Vertex AI runs as custom jobs: on a chosen machine type, on several machines, or on spot machines.

Such a task only launches the job and waits for it, with the launcher of Google Cloud Pipeline Components:
https://github.com/kubeflow/pipelines/tree/master/components/google-cloud
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.runners.graphs import container_tasks
from schemas.config import Config
from schemas.config.cluster import ClusterConfig, CustomJobConfig, MachineConfig
from schemas.errors import InputError

LAUNCHER = "gcr.io/ml-pipeline/google-cloud-pipeline-components:2.22.0"
_COMMAND = ("python3", "-u", "-m", "google_cloud_pipeline_components.container.v1.custom_job.launcher")
_JOB = "gcp_resources"  # the output by which Vertex AI links the task to its job
_EXECUTOR_INPUT, _ESCAPED = "{{$}}", "{{$.json_escape[1]}}"  # the second is for a text inside of JSON


def set_custom_jobs(specification: dict[str, Any], cluster: ClusterConfig) -> None:
    """Replace the containers of tasks with `custom_job` by launchers of such jobs.

    Args:
        specification: the pipeline specification, with the machines set.
        cluster: the machines.
    """
    for name, task, executor in container_tasks(specification):
        machine = cluster.machine(name)
        if machine.custom_job:
            executors = specification["deploymentSpec"]["executors"]
            job = _job(name, executors[executor]["container"], machine, machine.custom_job)
            executors[executor]["container"] = _launcher(job)
            outputs = specification["components"][task["componentRef"]["name"]]["outputDefinitions"]
            outputs.setdefault("parameters", {})[_JOB] = {"parameterType": "STRING"}


def check_custom_jobs(config: Config) -> None:
    """Refuse several workers for a task that cannot use them.

    Args:
        config: the configuration.

    Raises:
        InputError: there is such a task.
    """
    for name in (*config.cluster.components, "every component without one"):
        job = config.cluster.machine(name).custom_job
        if job and job.workers > 1 and (name != "Trainer" or config.train.strategy != "multi_worker"):
            raise InputError(
                expected="several workers in custom_job only for the Trainer, with train.strategy multi_worker",
                received=f"{job.workers} workers for {name}, with train.strategy {config.train.strategy}",
                remedy="give the Trainer its own cluster.components.Trainer.custom_job, and set train.strategy",
            )


def _job(name: str, container: Mapping[str, Any], machine: MachineConfig, job: CustomJobConfig) -> dict[str, Any]:
    """https://cloud.google.com/vertex-ai/docs/reference/rest/v1/CustomJobSpec."""
    machine_spec: dict[str, Any] = {"machine_type": job.machine_type}
    if machine.accelerator:
        machine_spec |= {
            "accelerator_type": machine.accelerator.type,
            "accelerator_count": machine.accelerator.count,
        }
    pool = {
        "machine_spec": machine_spec,
        "container_spec": {
            "image_uri": container["image"],
            "command": container["command"],
            "args": [_ESCAPED if part == _EXECUTOR_INPUT else part for part in container["args"]],
            "env": container.get("env", []),
        },
    }
    replicas = (1, job.workers - 1)  # the first pool has the chief
    return {
        "display_name": name,
        "job_spec": {
            "worker_pool_specs": [{**pool, "replica_count": count} for count in replicas if count],
            "scheduling": {
                "strategy": "SPOT" if job.spot else "STANDARD",
                "restart_job_on_worker_restart": job.workers > 1,  # the others would wait for the lost worker for ever
            },
            "service_account": "{{$.pipeline_service_account}}",
            "network": "{{$.pipeline_network}}",
        },
    }


def _launcher(job: Mapping[str, Any]) -> dict[str, Any]:
    options = {
        "--type": "CustomJob",
        "--payload": json.dumps(job),
        "--project": "{{$.pipeline_google_cloud_project_id}}",
        "--location": "{{$.pipeline_google_cloud_location}}",
        "--gcp_resources": f"{{{{$.outputs.parameters['{_JOB}'].output_file}}}}",
    }
    return {
        "image": LAUNCHER,
        "command": list(_COMMAND),
        "args": [part for option in options.items() for part in option],
    }

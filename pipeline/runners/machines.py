"""The machines of a compiled pipeline's tasks: what Kubeflow Pipelines and Vertex AI read of the section `cluster`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pipeline.runners.graphs import container_tasks
from schemas.config.cluster import ClusterConfig, MachineConfig
from schemas.errors import InputError, did_you_mean

Target = Literal["kubeflow", "vertex"]

_NAMES: Mapping[Target, str] = {"kubeflow": "Kubeflow", "vertex": "Vertex AI"}
_READ_BY: Mapping[str, Target] = {  # the others are for both
    "secrets": "kubeflow",
    "node_selector": "kubeflow",
    "tolerations": "kubeflow",
    "timeout_s": "kubeflow",
    "custom_job": "vertex",
}


def set_machines(
    specification: dict[str, Any], cluster: ClusterConfig, variables: Mapping[str, Mapping[str, str]]
) -> None:
    """Set resources, environment, image, retries and caching of each task.

    Args:
        specification: the pipeline specification.
        cluster: the machines.
        variables: by component, further environment variables.

    Raises:
        InputError: a machine is for a component that does not exist.
    """
    tasks = list(container_tasks(specification))
    _check_names(cluster, [name for name, _, _ in tasks])
    for name, task, executor in tasks:
        machine = cluster.machine(name)
        container = specification["deploymentSpec"]["executors"][executor]["container"]
        if machine.image:
            container["image"] = machine.image
        if environment := {**(machine.environment or {}), **variables.get(name, {})}:
            container["env"] = [{"name": key, "value": value} for key, value in environment.items()]
        if resources := _resources(machine):
            container["resources"] = resources
        if machine.retries:
            task["retryPolicy"] = {"maxRetryCount": machine.retries, "backoffDuration": "60s", "backoffFactor": 2}
        if machine.cache is False:
            task["cachingOptions"] = {}


def kubernetes_platform(specification: dict[str, Any], cluster: ClusterConfig) -> dict[str, Any] | None:
    """Return the platform specification of Kubeflow Pipelines, or None if it would be empty.

    Args:
        specification: the pipeline specification.
        cluster: the machines.
    """
    executors = {}
    for name, _, executor in container_tasks(specification):
        settings = _pod(cluster.machine(name))
        if settings:
            executors[executor] = settings
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else None


def refuse_settings_of_others(cluster: ClusterConfig, target: Target) -> None:
    """Refuse settings that the target would not read.

    Args:
        cluster: the machines.
        target: the orchestrator.

    Raises:
        InputError: there is such a setting.
    """
    machines = {"": cluster, **{f"components.{name}.": each for name, each in cluster.components.items()}}
    for prefix, machine in machines.items():
        for setting, reader in _READ_BY.items():
            if reader != target and getattr(machine, setting) is not None:
                raise InputError(
                    expected=f"settings of cluster that {_NAMES[target]} reads",
                    received=f"cluster.{prefix}{setting}, which only {_NAMES[reader]} reads",
                    remedy=f"remove it for this target, for example with --set cluster.{prefix}{setting}=null",
                )


def _check_names(cluster: ClusterConfig, known: list[str]) -> None:
    for name in cluster.components:
        if name not in known:
            remedy = did_you_mean(name, known, f"components are: {', '.join(sorted(known))}")
            raise InputError(expected="names of components in cluster.components", received=repr(name), remedy=remedy)


def _resources(machine: MachineConfig) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    if machine.cpu:
        resources |= {"cpuRequest": machine.cpu, "cpuLimit": machine.cpu}
    if machine.memory_gb:
        resources |= {"memoryRequest": machine.memory_gb, "memoryLimit": machine.memory_gb}
    if machine.accelerator:
        resources["accelerator"] = {"type": machine.accelerator.type, "count": str(machine.accelerator.count)}
    return resources


def _pod(machine: MachineConfig) -> dict[str, Any]:
    """kubernetes_platform/proto/kubernetes_executor_config.proto in github.com/kubeflow/pipelines."""
    pod: dict[str, Any] = {}
    if machine.node_selector:
        pod["nodeSelector"] = {"labels": dict(machine.node_selector)}
    if machine.tolerations:
        pod["tolerations"] = [
            each.model_dump(exclude_defaults=True) | {"operator": each.operator} for each in machine.tolerations
        ]
    if machine.timeout_s:
        pod["activeDeadlineSeconds"] = machine.timeout_s
    if machine.secrets:
        pod["secretAsEnv"] = [
            {"secretName": secret, "keyToEnv": [{"secretKey": key, "envVar": variable}]}
            for variable, (secret, key) in ((name, value.split("/")) for name, value in machine.secrets.items())
        ]
    return pod

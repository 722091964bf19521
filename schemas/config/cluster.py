"""The section `cluster`: the machines of a compiled pipeline's tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.config.section import Section

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[^/\s]+/[^/\s]+$")]


class AcceleratorConfig(Section):
    """Accelerators of one machine."""

    type: str = Field(
        min_length=1,
        description="Name of the resource: on Kubeflow like `nvidia.com/gpu`, on Vertex AI like `NVIDIA_L4`.",
    )
    count: int = Field(default=1, ge=1, description="Number of accelerators.")


class TolerationConfig(Section):
    """A taint of nodes that a pod tolerates, as in Kubernetes."""

    key: str = Field(min_length=1, description="Key of the taint.")
    operator: Literal["Exists", "Equal"] = Field(default="Exists", description="Whether the value must be equal.")
    value: str = Field(default="", description="Value of the taint, for `Equal`.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; without one, all effects."
    )


class CustomJobConfig(Section):
    """A custom job of Vertex AI."""

    machine_type: str = Field(min_length=1, description="Machine type of Compute Engine, like `n1-standard-16`.")
    workers: int = Field(
        default=1,
        ge=1,
        description="Number of machines. Several are for the Trainer with `train.strategy: multi_worker`.",
    )
    spot: bool = Field(default=False, description="Whether the machines may be spot machines.")


class MachineConfig(Section):
    """The machine of a task. What is not set is left to the cluster."""

    cpu: float | None = Field(default=None, gt=0, description="Number of CPU cores.")
    memory_gb: float | None = Field(default=None, gt=0, description="Memory in gigabytes.")
    accelerator: AcceleratorConfig | None = Field(default=None, description="Accelerators of the machine.")
    retries: int | None = Field(default=None, ge=0, description="How often a failed task is tried again.")
    cache: bool | None = Field(default=None, description="Whether outputs of an equal task are taken instead.")
    image: str | None = Field(default=None, min_length=1, description="Image of the task, instead of `--image`.")
    environment: dict[Variable, str] | None = Field(default=None, description="Environment variables.")
    secrets: dict[Variable, SecretKey] | None = Field(
        default=None, description="Environment variables from Kubernetes secrets, each as SECRET/KEY. Kubeflow only."
    )
    node_selector: dict[str, str] | None = Field(
        default=None, description="Labels that the node must have, like those of spot nodes. Kubeflow only."
    )
    tolerations: tuple[TolerationConfig, ...] | None = Field(
        default=None, description="Taints of nodes that the task tolerates. Kubeflow only."
    )
    timeout_s: int | None = Field(
        default=None, ge=1, description="Time after which a task is ended, in seconds. Kubeflow only."
    )
    custom_job: CustomJobConfig | None = Field(
        default=None,
        description="Runs the task as a custom job, whose machine type replaces `cpu` and `memory_gb`. Vertex AI only.",
    )


class ClusterConfig(MachineConfig):
    """The machines of all tasks, and of single components."""

    components: dict[str, MachineConfig] = Field(
        default={}, description="Machines by the `name` of a component. What is set there replaces what is set for all."
    )

    def machine(self, component: str) -> MachineConfig:
        """Return the machine of a component.

        Args:
            component: its name.

        Example:
            >>> trainer = {"memory_gb": 32}
            >>> cluster = ClusterConfig.model_validate({"cpu": 4, "components": {"Trainer": trainer}})
            >>> cluster.machine("Trainer").cpu, cluster.machine("Trainer").memory_gb
            (4.0, 32.0)
        """
        own = self.components.get(component, MachineConfig())
        parts = {**self.model_dump(exclude_unset=True), **own.model_dump(exclude_unset=True)}
        parts.pop("components", None)
        return MachineConfig.model_validate(parts)

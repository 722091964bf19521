"""A file of `temporec compile`, and the parameters of a run."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.runners.graphs import container_tasks, graphs
from schemas.errors import InputError, did_you_mean

Parameters = dict[str, str | int | float | bool]
_WORDS = {
    "STRING": "text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
}


@dataclass(frozen=True)
class CompiledPipeline:
    """A compiled pipeline.

    Args:
        specification: the pipeline specification.
        platform: what only Kubernetes reads, or None.
        job: the job of Vertex AI without its specification; empty for Kubeflow.
    """

    specification: dict[str, Any]
    platform: dict[str, Any] | None
    job: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the pipeline."""
        return str(self.specification["pipelineInfo"]["name"])

    @property
    def artifacts(self) -> str | None:
        """The folder of the artifacts. Kubeflow Pipelines reads it from the request, and not from the file."""
        return self.specification.get("defaultPipelineRoot")

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks, without those that contain others."""
        return [name for name, _, _ in container_tasks(self.specification)]

    def at_root(self, root: str) -> CompiledPipeline:
        """Return the pipeline with its artifacts below another root, a URI without a slash at its end."""
        artifacts = f"{root}/artifacts"
        specification = {**self.specification, "defaultPipelineRoot": artifacts}
        job = {**self.job, "runtimeConfig": {"gcsOutputDirectory": artifacts}} if self.job else {}
        return replace(self, specification=specification, job=job)

    def without_cache(self) -> CompiledPipeline:
        """Return the pipeline with caching off in every task."""
        specification = copy.deepcopy(self.specification)
        for tasks in graphs(specification):
            for task in tasks.values():
                task["cachingOptions"] = {}
        return replace(self, specification=specification)


def read_pipeline(path: Path, target: str) -> CompiledPipeline:
    """Read a file of `temporec compile`.

    Args:
        path: the file.
        target: the orchestrator that it must be for: kubeflow or vertex.

    Raises:
        InputError: the file cannot be read, is no compiled pipeline, or is for the other orchestrator.
    """
    try:
        text = path.read_text(encoding="utf-8")
        documents = [json.loads(text)] if path.suffix == ".json" else list(yaml.safe_load_all(text))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or ["no reason"])[0]
        raise InputError(
            expected=f"a file of `temporec compile` at {path}",
            received=reason,
            remedy=f"check the path, or write the file with: temporec compile --target {target}",
        ) from None
    first = documents[0] if documents and isinstance(documents[0], dict) else {}
    is_job = "pipelineSpec" in first
    specification = first.get("pipelineSpec", first)
    if not isinstance(specification, dict) or not specification.keys() >= {"root", "components", "pipelineInfo"}:
        received = "no compiled pipeline"
    elif is_job != (target == "vertex"):
        received = f"a file for {'vertex' if is_job else 'kubeflow'}"
    else:
        platform = documents[1] if len(documents) > 1 else None
        job = {key: value for key, value in first.items() if is_job and key != "pipelineSpec"}
        return CompiledPipeline(specification, platform, job)
    raise InputError(
        expected=f"a file of `temporec compile --target {target}` at {path}",
        received=received,
        remedy=f"compile the pipeline with --target {target}",
    )


def read_run(path: Path, target: str, settings: Iterable[str]) -> tuple[CompiledPipeline, Parameters]:
    """Read a file of `temporec compile` for a run with parameters.

    For an orchestrator, the folder of the artifacts is no parameter, and no parameter is made from another. So with
    the parameter `root` the artifacts go below it, and so do the models, unless `models_path` is set.

    Args:
        path: the file.
        target: the orchestrator that it must be for: kubeflow or vertex.
        settings: settings of the form `name=value`.

    Returns:
        The pipeline and the parameters.

    Raises:
        InputError: as `read_pipeline` and `parameter_values`; or the root is not on the store of the compiled one.
    """
    pipeline = read_pipeline(path, target)
    values = parameter_values(pipeline, settings)
    if "root" not in values:
        return pipeline, values
    root = str(values["root"]).rstrip("/")
    compiled = pipeline.specification["root"]["inputDefinitions"]["parameters"]["root"]["defaultValue"]
    store = compiled.partition("://")[0]
    if not re.fullmatch(rf"{store}://[^/\s]\S*", root):
        raise InputError(
            expected=f"the parameter root on {store}://, as in the compiled pipeline",
            received=root,
            remedy="give such a URI, or compile the pipeline again with another --root",
        )
    return pipeline.at_root(root), {"models_path": f"{root}/models", **values, "root": root}


def parameter_values(pipeline: CompiledPipeline, settings: Iterable[str]) -> Parameters:
    """Return the parameters of a run, each with the type that the pipeline declares.

    Args:
        pipeline: the compiled pipeline.
        settings: settings of the form `name=value`.

    Raises:
        InputError: a setting does not have that form, a parameter does not exist or is set twice, or a value has the
            wrong type.
    """
    declared = pipeline.specification["root"].get("inputDefinitions", {}).get("parameters", {})
    values: Parameters = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or name in values:
            raise InputError(
                expected="--set-parameter with a name and a value, once for each name",
                received=f"{setting}{', which is set twice' if separator else ''}",
                remedy="write it like --set-parameter epochs=5",
            )
        if name not in declared:
            raise InputError(
                expected=f"a parameter of the pipeline: {', '.join(sorted(declared)) or 'it has none'}",
                received=name,
                remedy=did_you_mean(name, declared, "compile the pipeline again to change other settings"),
            )
        values[name] = _typed(name, text, declared[name]["parameterType"])
    return values


def _typed(name: str, text: str, kind: str) -> str | int | float | bool:
    try:
        if kind == "NUMBER_INTEGER":
            return int(text)
        if kind == "NUMBER_DOUBLE":
            return float(text)
        if kind == "BOOLEAN":
            return {"true": True, "false": False}[text.lower()]
        if text:
            return text
    except (ValueError, KeyError):
        pass
    raise InputError(
        expected=f"{_WORDS.get(kind, kind)} for the parameter {name}",
        received=repr(text),
        remedy=f"correct the value in --set-parameter {name}=...",
    )

"""Compilation of the pipeline for Kubeflow Pipelines and Vertex AI."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from components.example_gen.listing import file_settings
from pipeline.atomic_file import write_atomically
from pipeline.containers.command import COMMAND
from pipeline.containers.entrypoint import BEAM
from pipeline.create_pipeline import LOOKERS, Locations, create_pipeline
from pipeline.runners.custom_jobs import check_custom_jobs, set_custom_jobs
from pipeline.runners.machines import Target, kubernetes_platform, refuse_settings_of_others, set_machines
from pipeline.runners.notify_tasks import add_notify_tasks, nest_for_exit
from pipeline.runners.runtime_parameters import declare_parameters, with_placeholders
from schemas.config import BeamConfig, Config
from schemas.errors import InputError

# Kubeflow Pipelines reads a pipeline specification in YAML, Vertex AI a pipeline job in JSON.
SUFFIXES: dict[Target, tuple[str, ...]] = {"kubeflow": (".yaml", ".yml"), "vertex": (".json",)}
ROOTS: dict[Target, tuple[str, ...]] = {"kubeflow": ("gs://", "s3://"), "vertex": ("gs://",)}
_URI = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s].*")


def compile_pipeline(config: Config, *, target: Target, image: str, root: str, output: Path) -> None:
    """Compile the pipeline to a file for an orchestrator.

    Args:
        config: the configuration; the log and the tables must be URIs that the cluster can read.
        target: the orchestrator.
        image: the container image with temporec installed.
        root: the URI of the folder for artifacts and pushed models.
        output: the file to write.

    Raises:
        InputError: a path is not a URI, the target cannot write to the root, the image has no name, or the output has
            another suffix or cannot be written. A machine is for no component, or has settings that the target ignores.

    Example:
        ```python
        compile_pipeline(
            load_config("pipeline/configs/quickstart.yaml", ["data.path=gs://bucket/log.csv", "data.items=null"]),
            target="vertex",
            image="europe-docker.pkg.dev/project/images/temporec:1",
            root="gs://bucket/temporec",
            output=Path("pipeline.json"),
        )
        ```
    """
    _check_paths(config, root, target)
    _check_engine(config.beam, root)
    _check_image(image)
    if output.suffix not in SUFFIXES[target]:
        raise InputError(
            expected=f"an output file that ends with {' or '.join(SUFFIXES[target])} for {target}",
            received=str(output),
            remedy="rename the output file",
        )
    refuse_settings_of_others(config.cluster, target)
    check_custom_jobs(config)
    job = pipeline_job(config, image, root.rstrip("/"))
    set_custom_jobs(job["pipelineSpec"], config.cluster)
    text = _kubeflow_text(job["pipelineSpec"], config) if target == "kubeflow" else json.dumps(job, sort_keys=True)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, text.encode())
    except OSError as error:
        raise InputError(
            expected=f"a file that can be written at {output}",
            received=str(error),
            remedy="give another --output, change the permissions of its folder, or free some space",
        ) from None


def pipeline_job(config: Config, image: str, root: str) -> dict[str, Any]:
    """Return the pipeline as a job of Vertex AI, which contains the specification that Kubeflow Pipelines reads.

    Args:
        config: the configuration.
        image: the container image with temporec installed.
        root: the folder for artifacts and pushed models.

    Returns:
        The job, with `pipelineSpec` and `runtimeConfig`.
    """
    locations = Locations(root=root, models=f"{root}/models")
    pipeline = create_pipeline(*with_placeholders(config))
    runner_config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image=image,
        default_commands=COMMAND,
        use_pipeline_spec_2_1=True,  # the only schema that Kubeflow Pipelines takes
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config=runner_config)
    job: dict[str, Any] = runner.run(pipeline, write_out=False)
    _complete_tasks(job["pipelineSpec"]["root"]["dag"]["tasks"])
    job["pipelineSpec"]["defaultPipelineRoot"] = locations.artifacts
    job["runtimeConfig"] = {"gcsOutputDirectory": locations.artifacts}
    declare_parameters(job["pipelineSpec"], config, locations)
    engine = {BEAM: config.beam.model_dump_json(exclude_unset=True)} if config.beam != BeamConfig() else {}
    beam_tasks = [each.id for each in pipeline.components if isinstance(each.executor_spec, BeamExecutorSpec)]
    notifies = config.notify.webhook is not None or config.notify.email is not None
    if notifies:
        add_notify_tasks(job["pipelineSpec"], config, image)
    set_machines(job["pipelineSpec"], config.cluster, dict.fromkeys(beam_tasks, engine))
    if notifies:
        nest_for_exit(job["pipelineSpec"])
    return job


def _kubeflow_text(specification: dict[str, Any], config: Config) -> str:
    """Return the specification, and a second YAML document with what only Kubernetes reads."""
    platform = kubernetes_platform(specification, config.cluster)
    return yaml.safe_dump_all([specification, platform] if platform else [specification])


def _complete_tasks(tasks: dict[str, Any]) -> None:
    """Complete the tasks that TFX compiled.

    TFX names the producer of a parameter `NAME_task`, but the task itself `NAME`. It caches all tasks or none.
    """
    for name, task in tasks.items():
        for parameter in task.get("inputs", {}).get("parameters", {}).values():
            if "taskOutputParameter" in parameter:
                producer = parameter["taskOutputParameter"]
                producer["producerTask"] = producer["producerTask"].removesuffix("_task")
        if name in LOOKERS:
            task["cachingOptions"] = {}


def _check_paths(config: Config, root: str, target: Target) -> None:
    requests = config.data.checks.serving_requests
    paths = file_settings(config.data)
    paths |= {"data.checks.serving_requests": requests} if requests else {}
    for name, value in {**paths, "--root": root}.items():
        if not _URI.fullmatch(value):
            raise InputError(
                expected=f"{name} as a URI that the cluster can reach, like gs://bucket/folder",
                received=value,
                remedy="copy it to an object store and give its URI there"
                + (f", with --set {name}=..." if name in paths else ""),
            )
    stores = ROOTS[target]
    if not root.startswith(stores):
        raise InputError(
            expected=f"--root on {' or '.join(stores)} for {target}",
            received=root,
            remedy="choose a bucket there; AWS_ENDPOINT_URL in the containers names a store that is not Amazon's",
        )


def _check_engine(beam: BeamConfig, root: str) -> None:
    if beam.runner != "local" and not root.startswith("gs://"):
        raise InputError(
            expected=f"--root on gs:// for the Beam runner {beam.runner}",
            received=root,
            remedy="use such a root, or beam.runner=local: TensorFlow in the workers cannot read s3://, and the copies"
            " that Kubeflow makes are in the pod of the component only",
        )


def _check_image(image: str) -> None:
    if not image or re.search(r"\s", image):
        raise InputError(
            expected="the name of a container image in --image, like registry/temporec:1",
            received=repr(image),
            remedy="give the image that has temporec installed; check the variable if the name comes from one",
        )

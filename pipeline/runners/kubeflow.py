"""Compilation of the pipeline for Kubeflow Pipelines and Vertex AI."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Literal

import tensorflow as tf
from tfx import v1 as tfx

from pipeline.create_pipeline import Locations, create_pipeline
from pipeline.runners.beam_options import BEAM_ARGS
from schemas.config import Config
from schemas.errors import InputError

Target = Literal["kubeflow", "vertex"]

# Kubeflow Pipelines reads a pipeline specification in YAML, Vertex AI a pipeline job in JSON.
SUFFIXES: dict[Target, tuple[str, ...]] = {"kubeflow": (".yaml", ".yml"), "vertex": (".json",)}
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
        InputError: a path is not a URI, the image has no name, or the output has another suffix or cannot be written.

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
    _check_paths(config, root)
    _check_image(image)
    if output.suffix not in SUFFIXES[target]:
        raise InputError(
            expected=f"an output file that ends with {' or '.join(SUFFIXES[target])} for {target}",
            received=str(output),
            remedy="rename the output file",
        )
    base = root.rstrip("/")
    pipeline = create_pipeline(
        config,
        Locations(artifacts=f"{base}/artifacts", models=f"{base}/models"),
        beam_args=BEAM_ARGS,
    )
    runner_config = tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image=image)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".temporec-", dir=output.parent) as folder:
            tfx.orchestration.experimental.KubeflowV2DagRunner(
                config=runner_config, output_dir=folder, output_filename=output.name
            ).run(pipeline)
            Path(folder, output.name).replace(output)
    except (OSError, tf.errors.OpError) as error:
        raise InputError(
            expected=f"a file that can be written at {output}",
            received=str(error),
            remedy="give another --output, change the permissions of its folder, or free some space",
        ) from None


def _check_paths(config: Config, root: str) -> None:
    read = config.example_gen_config.data
    tables = {"data.items.path": read.items, "data.users.path": read.users}
    paths = {"data.path": read.path, **{name: table.path for name, table in tables.items() if table}}
    for name, value in {**paths, "--root": root}.items():
        if not _URI.fullmatch(value):
            raise InputError(
                expected=f"{name} as a URI that the cluster can reach, like gs://bucket/folder",
                received=value,
                remedy="copy it to an object store and give its URI there"
                + (f", with --set {name}=..." if name in paths else ""),
            )


def _check_image(image: str) -> None:
    if not image or re.search(r"\s", image):
        raise InputError(
            expected="the name of a container image in --image, like registry/temporec:1",
            received=repr(image),
            remedy="give the image that has temporec installed; check the variable if the name comes from one",
        )

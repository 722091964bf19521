"""Compiles the pipeline for Kubeflow Pipelines and Vertex AI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from tfx import v1 as tfx

from pipeline.create_pipeline import Locations, create_pipeline
from pipeline.runners.beam_options import BEAM_ARGS
from schemas.config import Config
from schemas.errors import InputError

Target = Literal["kubeflow", "vertex"]

# Kubeflow Pipelines takes a pipeline specification in YAML, Vertex AI a pipeline job in JSON.
SUFFIXES: dict[Target, tuple[str, ...]] = {"kubeflow": (".yaml", ".yml"), "vertex": (".json",)}


def compile_pipeline(config: Config, *, target: Target, image: str, root: str, output: Path) -> None:
    """Writes the pipeline as a file that the target runs.

    Args:
        config: what to build; the log and the tables must be URIs that the cluster can read.
        target: who will run it.
        image: the container image with temporec in it.
        root: the URI of the folder for artifacts and pushed models.
        output: the file to write.

    Raises:
        InputError: the log, a table or the root lies on this machine, or the file's suffix is not the target's.
    """
    read = config.example_gen_config.data
    tables = {"data.items.path": read.items, "data.users.path": read.users}
    paths = {"data.path": read.path, **{name: table.path for name, table in tables.items() if table}}
    for name, value in {**paths, "--root": root}.items():
        if not re.match(r"[a-z][a-z0-9+.-]*://", value):
            raise InputError(
                expected=f"{name} as a URI that the cluster reaches, like gs://bucket/folder",
                received=value,
                remedy="copy it to an object store and name it there"
                + (f", with --set {name}=..." if name in paths else ""),
            )
    if output.suffix not in SUFFIXES[target]:
        raise InputError(
            expected=f"an output file that ends with {' or '.join(SUFFIXES[target])} for {target}",
            received=str(output),
            remedy="rename the output",
        )
    pipeline = create_pipeline(
        config,
        Locations(artifacts=f"{root}/artifacts", models=f"{root}/models"),
        compare_with=tfx.dsl.experimental.LatestBlessedModelStrategy,  # the only strategy that Kubeflow knows
        beam_args=BEAM_ARGS,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    runner_config = tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image=image)
    tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=runner_config, output_dir=str(output.parent), output_filename=output.name
    ).run(pipeline)

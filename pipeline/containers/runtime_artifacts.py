"""Conversion between the artifacts of Kubeflow's executor input and TFX's artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata.proto import metadata_store_pb2
from tfx import version
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import import_utils

_LOCAL_COPIES = re.compile(r"(s3|minio)://")  # the launcher copies these; TensorFlow and Beam read `gs://` themselves


def local_path(uri: str) -> str:
    """Return where Kubeflow's launcher puts an input, and takes an output from.

    Args:
        uri: the URI of an artifact.

    Returns:
        The path. A URI of another object store stays as it is.

    Example:
        >>> local_path("s3://bucket/run/examples")
        '/s3/bucket/run/examples'
        >>> local_path("gs://bucket/run/examples")
        'gs://bucket/run/examples'
    """
    return _LOCAL_COPIES.sub(r"/\1/", uri, count=1)


def to_artifact(runtime: pipeline_spec_pb2.RuntimeArtifact, declared: pipeline_spec_pb2.ArtifactTypeSchema) -> Artifact:
    """Convert an input or output of a task to TFX's artifact, at its local path.

    Args:
        runtime: the artifact in the executor input. Kubeflow loses the types of inputs.
        declared: its type in the specification of the component.

    Returns:
        The artifact. Kubeflow mixes properties and custom properties; those of the type become properties again.
    """
    artifact = _artifact_class(declared)()
    artifact.uri = local_path(runtime.uri)
    for key, value in json_format.MessageToDict(runtime.metadata).items():
        _set_property(artifact, key, value)
    return artifact


def to_runtime(artifact: Artifact, given: pipeline_spec_pb2.RuntimeArtifact) -> pipeline_spec_pb2.RuntimeArtifact:
    """Convert an output after the execution.

    Args:
        artifact: TFX's artifact.
        given: the same output in the executor input, with its remote URI.

    Returns:
        The artifact with the remote URI, and with all properties as metadata.
    """
    artifact.set_string_custom_property(artifact_utils.ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY, version.__version__)
    runtime = pipeline_spec_pb2.RuntimeArtifact(name=given.name, uri=given.uri)
    runtime.metadata.update(dict(_properties(artifact)))
    return runtime


def _artifact_class(declared: pipeline_spec_pb2.ArtifactTypeSchema) -> type[Artifact]:
    title = declared.schema_title or yaml.safe_load(declared.instance_schema)["title"]
    standard = getattr(standard_artifacts, title.removeprefix("tfx."), None)
    return standard or import_utils.import_class_by_path(title)


def _set_property(artifact: Artifact, key: str, value: Any) -> None:
    declared = artifact.artifact_type.properties.get(key)
    target = artifact.mlmd_artifact.custom_properties if declared is None else artifact.mlmd_artifact.properties
    if isinstance(value, str):
        target[key].string_value = value
    elif isinstance(value, dict):
        target[key].struct_value.update(value)
    elif declared == metadata_store_pb2.DOUBLE or not float(value).is_integer():
        target[key].double_value = value
    else:
        target[key].int_value = int(value)  # JSON has no integers


def _properties(artifact: Artifact) -> Iterator[tuple[str, Any]]:
    for group in (artifact.mlmd_artifact.properties, artifact.mlmd_artifact.custom_properties):
        for key, value in group.items():
            kind = value.WhichOneof("value")
            found = getattr(value, kind)
            yield key, json_format.MessageToDict(found) if kind == "struct_value" else found

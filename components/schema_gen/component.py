"""Schema of the examples as a TFX artifact. The pipeline passes its text, not the path of a file."""

import os
from importlib import resources

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from schemas.config.log import DataConfig
from schemas.features import target_key, user_key

_TYPES = {"category": "BYTES", "number": "FLOAT"}


def history_schema_text(data: DataConfig) -> str:
    """Return the schema that every example of a log must satisfy.

    A further column has a value for every interaction, and a column of users has one value.

    Args:
        data: the log and its tables.

    Returns:
        A `tensorflow.metadata.v0.Schema` in text format.
    """
    schema = resources.files("schemas").joinpath("history.pbtxt").read_text(encoding="utf-8")
    always = "presence { min_fraction: 1.0 min_count: 1 }"
    for feature in data.features:
        kind = f"type: {_TYPES[feature.kind]} {always}"
        schema += f'feature {{ name: "{feature.name}" {kind} value_count {{ min: 1 }} }}\n'
        schema += f'feature {{ name: "{target_key(feature.name)}" {kind} shape {{}} }}\n'
    for name, column in (data.users.columns if data.users else {}).items():
        schema += f'feature {{ name: "{user_key(name)}" type: {_TYPES[column.kind]} {always} shape {{}} }}\n'
    return schema


@component
def HistorySchema(  # type: ignore[no-untyped-def]
    schema: OutputArtifact[standard_artifacts.Schema],
    text: Parameter[str],
):
    """Write the schema, which is given as text, as an artifact."""
    with tf.io.gfile.GFile(os.path.join(schema.uri, "schema.pbtxt"), "w") as file:
        file.write(text)
